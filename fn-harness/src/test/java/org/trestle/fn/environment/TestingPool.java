package org.trestle.fn.environment;

import io.grpc.Context;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnExternalWorkerPoolGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.ExternalPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardEnvironments.Environments;
import org.trestle.fn.server.TestingHarness;
import org.trestle.proto.Urns;

/** A worker pool that starts {@link TestingHarness}es, or pretends to. */
public final class TestingPool implements AutoCloseable {

  /** How the pool answers a request for a worker. */
  public enum Manner {
    START,
    REFUSE,
    /** Says yes and does nothing. */
    PRETEND,
    /** Says nothing. */
    HANG
  }

  private final Manner manner;
  private final TestingHarness.Script script;
  private final Server server;
  private final Map<String, TestingHarness> harnesses = new ConcurrentHashMap<>();
  private final BlockingQueue<StartWorkerRequest> started = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> stopped = new LinkedBlockingQueue<>();

  public TestingPool(Manner manner, TestingHarness.Script script) throws IOException {
    this.manner = manner;
    this.script = script;
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .directExecutor()
            .addService(new Service())
            .build()
            .start();
  }

  /** Returns the environment that asks for a worker of this pool. */
  public Environment environment() {
    return environment("localhost:" + server.getPort());
  }

  static Environment environment(String url) {
    return Environment.newBuilder()
        .setUrn(Urns.of(Environments.EXTERNAL))
        .setPayload(
            ExternalPayload.newBuilder()
                .setEndpoint(ApiServiceDescriptor.newBuilder().setUrl(url))
                .putParams("colour", "blue")
                .build()
                .toByteString())
        .build();
  }

  /** Returns a harness that was started. */
  public TestingHarness harness(String workerId) {
    TestingHarness harness = harnesses.get(workerId);
    if (harness == null) {
      throw new IllegalArgumentException("no harness " + workerId);
    }
    return harness;
  }

  /** Returns the requests to start a worker, oldest first. */
  public BlockingQueue<StartWorkerRequest> started() {
    return started;
  }

  /** Returns the ids of the workers that were to be stopped, oldest first. */
  public BlockingQueue<String> stopped() {
    return stopped;
  }

  @Override
  public void close() {
    server.shutdownNow();
    harnesses.values().forEach(TestingHarness::close);
  }

  private final class Service
      extends BeamFnExternalWorkerPoolGrpc.BeamFnExternalWorkerPoolImplBase {
    @Override
    public void startWorker(
        StartWorkerRequest request, StreamObserver<StartWorkerResponse> response) {
      if (manner == Manner.START) {
        // Outside of this call, whose end would cancel those of the harness.
        Context.ROOT.run(
            () ->
                harnesses.put(
                    request.getWorkerId(),
                    TestingHarness.connect(
                        request.getControlEndpoint().getUrl(), request.getWorkerId(), script)));
      }
      started.add(request);
      if (manner == Manner.HANG) {
        return;
      }
      StartWorkerResponse.Builder answer = StartWorkerResponse.newBuilder();
      if (manner == Manner.REFUSE) {
        answer.setError("no room");
      }
      response.onNext(answer.build());
      response.onCompleted();
    }

    @Override
    public void stopWorker(StopWorkerRequest request, StreamObserver<StopWorkerResponse> response) {
      stopped.add(request.getWorkerId());
      response.onNext(StopWorkerResponse.getDefaultInstance());
      response.onCompleted();
    }
  }
}
