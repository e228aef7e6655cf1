package org.trestle.fn.data;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.BundleRequest.Input;

/**
 * The outbound half of a data stream, shared by the bundles of a harness.
 *
 * <p>Bundles take turns, one input block each. Small blocks travel together in one message. A
 * message never mixes elements and timers, because harnesses do not keep their order inside of one.
 * Nothing is pulled from a bundle while gRPC is not ready, so what waits in memory is at most one
 * message and what gRPC holds unsent, however large the inputs are.
 *
 * <p>Design: {@code requests} counts the reasons to drain; whoever raises it from zero submits the
 * drain, which loops until it has seen them all. So the drain never overlaps itself, nobody blocks,
 * and all writing to the call happens there. After {@link #TURN} messages it submits itself anew,
 * to leave the pool to other harnesses.
 */
public final class ElementsWriter {
  private static final Logger log = LoggerFactory.getLogger(ElementsWriter.class);

  /** A message that has reached this size is sent. */
  private static final int TARGET_BYTES = 1 << 20;

  /** A message grows beyond this only for a single block that is larger. */
  private static final int MAX_BYTES = 2 << 20;

  /** Keeps messages of many tiny blocks reasonable. */
  private static final int MAX_ENTRIES = 1000;

  private static final int TURN = 16;

  private final ServerCallStreamObserver<Elements> call;
  private final Executor executor;
  private final AtomicInteger requests = new AtomicInteger();

  /** Bounded by the bundles that the harness has in flight. */
  private final Queue<BundleFeed> added = new ConcurrentLinkedQueue<>();

  private volatile boolean closing;

  /** Only touched by the drain. */
  private final ArrayDeque<BundleFeed> active = new ArrayDeque<>();

  /** Only touched by the drain. */
  private boolean completed;

  ElementsWriter(ServerCallStreamObserver<Elements> call, Executor executor) {
    this.call = call;
    this.executor = executor;
  }

  /** Starts to send a bundle's inputs. */
  public void add(BundleFeed feed) {
    added.add(feed);
    wake();
  }

  /** Ends the stream; what was not sent is dropped. Idempotent. */
  public void close() {
    closing = true;
    wake();
  }

  /** Looks again whether something can be written. */
  public void wake() {
    if (requests.getAndIncrement() == 0) {
      submit();
    }
  }

  private void submit() {
    try {
      executor.execute(this::drain);
    } catch (RejectedExecutionException e) {
      log.debug("server is closed, not writing elements", e);
    }
  }

  private void drain() {
    int seen = requests.get();
    while (true) {
      boolean more;
      try {
        more = write();
      } catch (RuntimeException e) {
        // The call is over (it broke between our checks); its observer reports how.
        log.debug("cannot write elements", e);
        closing = true;
        completed = true;
        active.clear();
        more = false;
      }
      if (more) {
        submit();
        return;
      }
      seen = requests.addAndGet(-seen);
      if (seen == 0) {
        return;
      }
    }
  }

  /** Writes what can be written now, up to a turn; true if there is more. */
  private boolean write() {
    for (BundleFeed feed = added.poll(); feed != null; feed = added.poll()) {
      active.add(feed);
    }
    if (closing) {
      active.clear();
      if (!completed && !call.isCancelled()) {
        call.onCompleted();
      }
      completed = true;
      return false;
    }
    for (int i = 0; i < TURN; i++) {
      if (active.isEmpty() || !call.isReady()) {
        return false;
      }
      Elements message = nextMessage();
      if (message != null) {
        call.onNext(message);
      }
    }
    return true;
  }

  private @Nullable Elements nextMessage() {
    Elements.Builder message = Elements.newBuilder();
    int bytes = 0;
    Class<?> kind = null;
    while (bytes < TARGET_BYTES && entries(message) < MAX_ENTRIES) {
      BundleFeed feed = active.poll();
      if (feed == null) {
        break;
      }
      Input input = feed.peek();
      if (input == null) {
        if (!feed.discarded()) {
          feed.addEnds(message);
        }
        continue;
      }
      int size = BundleFeed.dataOf(input).size();
      boolean fits =
          kind == null || (kind.equals(input.getClass()) && (long) bytes + size <= MAX_BYTES);
      if (!fits) {
        active.addFirst(feed);
        break;
      }
      kind = input.getClass();
      bytes += size;
      feed.take(message);
      active.add(feed);
    }
    return entries(message) == 0 ? null : message.build();
  }

  private static int entries(Elements.Builder message) {
    return message.getDataCount() + message.getTimersCount();
  }
}
