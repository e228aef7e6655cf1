package org.trestle.fn.status;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.WorkerStatusRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.WorkerStatusResponse;

/**
 * Asks one harness for reports about itself. Safe for use by several threads; no method blocks.
 *
 * <p>Harnesses answer on a thread of their own, so also while their bundles hang.
 */
public final class StatusStream implements StreamObserver<WorkerStatusResponse> {
  private static final Duration DEADLINE = Duration.ofSeconds(10);

  @GuardedBy("this")
  private final StreamObserver<WorkerStatusRequest> requests;

  @GuardedBy("this")
  private final Map<String, CompletableFuture<String>> waiting = new HashMap<>();

  @GuardedBy("this")
  private long asked;

  @GuardedBy("this")
  private boolean closed;

  StatusStream(StreamObserver<WorkerStatusRequest> requests) {
    this.requests = requests;
  }

  /**
   * Asks for a report: active bundles, stacks of threads, and what else the SDK thinks of.
   *
   * @return completes with the report as the SDK wrote it; exceptionally if the harness has an
   *     error instead, does not answer within ten seconds, or has gone
   */
  public CompletableFuture<String> report() {
    CompletableFuture<String> report = new CompletableFuture<>();
    String id;
    synchronized (this) {
      if (closed) {
        return CompletableFuture.failedFuture(
            new IllegalStateException("the harness has closed its status stream"));
      }
      asked++;
      id = "status-" + asked;
      waiting.put(id, report);
      requests.onNext(WorkerStatusRequest.newBuilder().setId(id).build());
    }
    return report
        .orTimeout(DEADLINE.toMillis(), TimeUnit.MILLISECONDS)
        .whenComplete((text, failure) -> forget(id));
  }

  private synchronized void forget(String id) {
    waiting.remove(id);
  }

  @Override
  public void onNext(WorkerStatusResponse response) {
    CompletableFuture<String> report;
    synchronized (this) {
      report = waiting.get(response.getId());
    }
    if (report == null) {
      return; // came too late
    }
    if (response.getError().isEmpty()) {
      report.complete(response.getStatusInfo());
    } else {
      report.completeExceptionally(new IllegalStateException(response.getError()));
    }
  }

  @Override
  public void onError(Throwable broken) {
    close();
  }

  @Override
  public void onCompleted() {
    close();
    synchronized (this) {
      requests.onCompleted();
    }
  }

  private void close() {
    Map<String, CompletableFuture<String>> lost;
    synchronized (this) {
      closed = true;
      lost = Map.copyOf(waiting);
    }
    lost.values()
        .forEach(
            report ->
                report.completeExceptionally(
                    new IllegalStateException("the harness has closed its status stream")));
  }
}
