package org.trestle.fn.environment;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.Frame;
import com.github.dockerjava.api.model.StreamType;
import com.github.dockerjava.api.model.WaitResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A container that was started: follows its output and its end. Safe for use by several threads.
 */
final class DockerContainer {
  /** How long after its end a container's last output may come. */
  private static final long LAST_OUTPUT_MILLIS = 500;

  /** How long a container whose harness has been let go may take to end without a signal. */
  private static final long UNASKED_MILLIS = 500;

  private final DockerEngine engine;
  private final String id;
  private final Output output;
  private final Exit exit = new Exit();
  private final CompletableFuture<String> ended;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final AtomicBoolean stopping = new AtomicBoolean();

  DockerContainer(DockerEngine engine, DockerClients clients, String id, HarnessOutput printed) {
    this.engine = engine;
    this.id = id;
    output = new Output(printed);
    ended =
        exit.code
            .thenCompose(
                code ->
                    output.over.completeOnTimeout(null, LAST_OUTPUT_MILLIS, TimeUnit.MILLISECONDS))
            .thenCompose(over -> engine.describeEnd(id))
            .exceptionally(failure -> "its end is unknown: " + DockerClients.reason(failure))
            .thenApply(how -> how + printed.tail());
    clients
        .streams()
        .logContainerCmd(id)
        .withStdOut(true)
        .withStdErr(true)
        .withFollowStream(true)
        .exec(output);
    clients.streams().waitContainerCmd(id).exec(exit);
  }

  /** Completes with a clause that says how the container ended. */
  CompletableFuture<String> ended() {
    return ended;
  }

  /**
   * Removes the container, which may end by itself before it gets a signal, and after that until
   * the grace period is over; idempotent.
   *
   * @return completes when that is over
   */
  CompletableFuture<Void> stop(Duration grace) {
    if (stopping.compareAndSet(false, true)) {
      var unused =
          endWithin(UNASKED_MILLIS)
              .thenCompose(
                  itself ->
                      itself
                          ? CompletableFuture.completedFuture(null)
                          : engine.terminate(id).thenCompose(sent -> endWithin(grace.toMillis())))
              // What does not end is killed by its removal.
              .handle((outcome, failure) -> null)
              .thenCompose(nothing -> engine.remove(id))
              .whenComplete(
                  (removed, failure) -> {
                    DockerClients.close(output);
                    DockerClients.close(exit);
                    stopped.complete(null);
                  });
    }
    return stopped;
  }

  private CompletableFuture<Boolean> endWithin(long millis) {
    return exit.code
        .thenApply(code -> true)
        .completeOnTimeout(false, millis, TimeUnit.MILLISECONDS);
  }

  @Override
  public String toString() {
    return id;
  }

  /** Hands the lines of both streams on, each line whole. */
  private static final class Output extends ResultCallback.Adapter<Frame> {
    private final LineSplitter out;
    private final LineSplitter err;
    private final CompletableFuture<Void> over = new CompletableFuture<>();

    Output(HarnessOutput printed) {
      out = new LineSplitter(printed::printed);
      err = new LineSplitter(printed::printed);
    }

    @Override
    public void onNext(Frame frame) {
      LineSplitter lines = frame.getStreamType() == StreamType.STDERR ? err : out;
      lines.accept(frame.getPayload(), frame.getPayload().length);
    }

    @Override
    public void onError(Throwable failure) {
      over.complete(null);
      super.onError(failure);
    }

    @Override
    public void onComplete() {
      out.end();
      err.end();
      over.complete(null);
      super.onComplete();
    }
  }

  private static final class Exit extends ResultCallback.Adapter<WaitResponse> {
    private final CompletableFuture<@Nullable Integer> code = new CompletableFuture<>();

    @Override
    public void onNext(WaitResponse response) {
      code.complete(response.getStatusCode());
    }

    @Override
    public void onError(Throwable failure) {
      code.completeExceptionally(failure);
      super.onError(failure);
    }

    @Override
    public void onComplete() {
      code.completeExceptionally(new DockerException("the engine stopped to watch it"));
      super.onComplete();
    }
  }
}
