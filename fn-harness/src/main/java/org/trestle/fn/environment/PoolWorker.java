package org.trestle.fn.environment;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnExternalWorkerPoolGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.ExternalPayload;
import org.jspecify.annotations.Nullable;

/**
 * A harness in a worker pool of the user ({@code BeamFnExternalWorkerPool}), such as LOOPBACK's in
 * the submitting process. The pool may vanish at any moment.
 */
final class PoolWorker implements EnvironmentWorkers.Host {
  private final String poolUrl;
  private final String workerId;
  private final EnvironmentOptions options;
  private final @Nullable ManagedChannel channel;
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final AtomicBoolean stopping = new AtomicBoolean();

  /** Asks the pool for a worker. */
  PoolWorker(
      ExternalPayload payload,
      String workerId,
      ApiServiceDescriptor runner,
      EnvironmentOptions options) {
    this.poolUrl = payload.getEndpoint().getUrl();
    this.workerId = workerId;
    this.options = options;
    this.channel = open(poolUrl);
    if (channel == null) {
      started.completeExceptionally(
          new WorkerStartException(this + " cannot be reached: '" + poolUrl + "' is no address"));
      return;
    }
    StartWorkerRequest request =
        StartWorkerRequest.newBuilder()
            .setWorkerId(workerId)
            .setControlEndpoint(runner)
            .setLoggingEndpoint(runner)
            .setArtifactEndpoint(runner)
            .setProvisionEndpoint(runner)
            .putAllParams(payload.getParamsMap())
            .build();
    var unused =
        call(channel, BeamFnExternalWorkerPoolGrpc.getStartWorkerMethod(), request)
            .whenComplete(this::answered);
  }

  private static @Nullable ManagedChannel open(String url) {
    try {
      return NettyChannelBuilder.forTarget(url).usePlaintext().directExecutor().build();
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private void answered(StartWorkerResponse response, @Nullable Throwable failure) {
    if (failure != null) {
      Status status = Status.fromThrowable(failure);
      String detail = status.getDescription();
      Throwable cause = status.getCause();
      started.completeExceptionally(
          new WorkerStartException(
              this
                  + " did not start a worker: "
                  + status.getCode()
                  + (detail == null ? "" : ", " + detail)
                  + (cause == null ? "" : " (" + cause.getMessage() + ")")
                  + "; check that the pool still runs and that the runner can reach it"));
    } else if (!response.getError().isEmpty()) {
      started.completeExceptionally(
          new WorkerStartException(this + " refused to start a worker: " + response.getError()));
    } else {
      started.complete(null);
    }
  }

  @Override
  public CompletableFuture<Void> started() {
    return started;
  }

  @Override
  public CompletableFuture<String> ended() {
    return new CompletableFuture<>();
  }

  @Override
  public CompletableFuture<String> explain(String how) {
    return CompletableFuture.completedFuture(how + " (" + this + ")");
  }

  @Override
  public CompletableFuture<Void> stop() {
    if (channel == null) {
      stopped.complete(null);
    } else if (stopping.compareAndSet(false, true)) {
      StopWorkerRequest request = StopWorkerRequest.newBuilder().setWorkerId(workerId).build();
      // A pool that is gone has no workers either: the answer does not matter.
      var unused =
          call(channel, BeamFnExternalWorkerPoolGrpc.getStopWorkerMethod(), request)
              .whenComplete(
                  (response, failure) -> {
                    channel.shutdownNow();
                    stopped.complete(null);
                  });
    }
    return stopped;
  }

  @Override
  public String toString() {
    return "worker pool at " + poolUrl;
  }

  private <Q, R> CompletableFuture<R> call(
      ManagedChannel to, MethodDescriptor<Q, R> method, Q request) {
    // Outside of the harness's own calls, whose end may be what brings us here and would cancel
    // ours.
    Context outer = Context.ROOT.attach();
    try {
      return callDetached(to, method, request);
    } finally {
      Context.ROOT.detach(outer);
    }
  }

  private <Q, R> CompletableFuture<R> callDetached(
      ManagedChannel to, MethodDescriptor<Q, R> method, Q request) {
    CompletableFuture<R> result = new CompletableFuture<>();
    ClientCall<Q, R> call =
        to.newCall(
            method,
            CallOptions.DEFAULT.withDeadlineAfter(
                options.poolTimeout().toMillis(), TimeUnit.MILLISECONDS));
    ClientCalls.asyncUnaryCall(
        call,
        request,
        new StreamObserver<R>() {
          @Override
          public void onNext(R response) {
            result.complete(response);
          }

          @Override
          public void onError(Throwable error) {
            result.completeExceptionally(error);
          }

          @Override
          public void onCompleted() {
            result.completeExceptionally(new IllegalStateException("no answer"));
          }
        });
    return result;
  }
}
