package org.trestle.job.api;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.job.event.EventCursor;
import org.trestle.job.event.EventLog;
import org.trestle.job.event.JobEvent;

/**
 * Sends a job's events to one client: the history, then what happens, and the end after the last
 * event. Sends only while the client takes it, so a slow one holds one batch in memory; one task at
 * a time runs on the executor.
 */
final class EventStream<T> {
  private static final int BATCH = 64;
  private static final Logger logger = LoggerFactory.getLogger(EventStream.class);

  private final EventLog log;
  private final EventCursor cursor;
  private final ServerCallStreamObserver<T> client;
  private final Function<JobEvent, @Nullable T> convert;
  private final boolean follow;
  private final Executor executor;
  private final Executor endings;
  private final Runnable wake = this::wake;
  private final AtomicInteger wakes = new AtomicInteger();

  // used by the running task only
  private EventCursor.Batch batch = new EventCursor.Batch(java.util.List.of(), false);
  private int sent;
  private boolean over;

  private EventStream(
      EventLog log,
      ServerCallStreamObserver<T> client,
      Function<JobEvent, @Nullable T> convert,
      boolean follow,
      Executor executor,
      Executor endings) {
    this.log = log;
    this.cursor = log.read();
    this.client = client;
    this.convert = convert;
    this.follow = follow;
    this.executor = executor;
    this.endings = endings;
  }

  /**
   * Starts to send. To be called while the call's handler runs.
   *
   * @param convert makes the client's message of an event, or null to leave it out
   * @param follow whether to go on with what happens after the history
   * @param endings ends the stream, with a task that may run on any thread
   */
  static <T> void start(
      EventLog log,
      ServerCallStreamObserver<T> client,
      Function<JobEvent, @Nullable T> convert,
      boolean follow,
      Executor executor,
      Executor endings) {
    EventStream<T> stream = new EventStream<>(log, client, convert, follow, executor, endings);
    client.setOnReadyHandler(stream.wake);
    client.setOnCancelHandler(stream.wake);
    log.subscribe(stream.wake);
    stream.wake();
  }

  private void wake() {
    if (wakes.getAndIncrement() == 0) {
      try {
        executor.execute(this::run);
      } catch (RejectedExecutionException e) {
        logger.debug("an event stream was left at the end of the service");
      }
    }
  }

  private void run() {
    int seen = wakes.get();
    while (true) {
      try {
        pump();
      } catch (RuntimeException e) {
        finish();
        client.onError(Calls.toStatus(e));
      }
      if (wakes.compareAndSet(seen, 0)) {
        return;
      }
      seen = wakes.get();
    }
  }

  private void pump() {
    while (!over) {
      if (client.isCancelled()) {
        finish();
        return;
      }
      if (sent == batch.events().size()) {
        if (batch.ended() || !refill()) {
          if (batch.ended() || !follow) {
            finish();
            endings.execute(client::onCompleted);
          }
          return;
        }
      }
      while (sent < batch.events().size()) {
        if (!client.isReady()) {
          return;
        }
        T message = convert.apply(batch.events().get(sent++));
        if (message != null) {
          client.onNext(message);
        }
      }
    }
  }

  /** Reads on; tells whether there is something new. */
  private boolean refill() {
    batch = cursor.next(BATCH);
    sent = 0;
    return !batch.events().isEmpty();
  }

  private void finish() {
    over = true;
    log.unsubscribe(wake);
    cursor.close();
  }
}
