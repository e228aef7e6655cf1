package org.trestle.job.rehearsal;

import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StopWorkerResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnExternalWorkerPoolGrpc;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactRequestWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactResponseWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactStagingServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.JobApi.DescribePipelineOptionsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobStateEvent;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.proto.Urns;

/**
 * A client that submits made-up jobs the way SDKs do, with a worker pool of its own on a free port
 * of the loopback address. Used by one thread; no call waits longer than a minute.
 */
public final class Rehearsal implements AutoCloseable {
  private static final long DEADLINE_SECONDS = 60;

  /** How many pipelines are planned for one that runs. */
  private static final int PLANS = 2;

  private static final PrepareJobRequest TO_PLAN = request(RehearsalPipeline.toPlan());

  private final String endpoint;
  private final Pool workers;
  private final Server pool;

  private Rehearsal(String endpoint, Pool workers, Server pool) {
    this.endpoint = endpoint;
    this.workers = workers;
    this.pool = pool;
  }

  /**
   * Makes ready to submit jobs.
   *
   * @param endpoint the job service
   * @throws IOException if no port is free for the worker pool
   */
  public static Rehearsal at(String endpoint) throws IOException {
    Pool workers = new Pool();
    Server pool =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .directExecutor()
            .addService(workers)
            .build()
            .start();
    return new Rehearsal(endpoint, workers, pool);
  }

  /**
   * Submits a job and reads its streams till it is done, then has other pipelines planned.
   *
   * @param large whether the job has much data
   * @param goOn asked between these pipelines
   * @throws StatusRuntimeException if the service refuses something or does not answer in time
   * @throws IOException if the job does not end well
   */
  public void run(boolean large, BooleanSupplier goOn) throws IOException, InterruptedException {
    workers.size = large ? RehearsalHarness.Size.LARGE : RehearsalHarness.Size.SMALL;
    ManagedChannel channel = NettyChannelBuilder.forTarget(endpoint).usePlaintext().build();
    try {
      JobServiceGrpc.JobServiceBlockingStub jobs =
          JobServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
      run(channel, jobs);
      for (int i = 0; i < PLANS && goOn.getAsBoolean(); i++) {
        plan(jobs);
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private void run(ManagedChannel channel, JobServiceGrpc.JobServiceBlockingStub jobs)
      throws IOException, InterruptedException {
    var unused = jobs.describePipelineOptions(DescribePipelineOptionsRequest.getDefaultInstance());
    PrepareJobResponse prepared =
        jobs.prepare(request(RehearsalPipeline.of("127.0.0.1:" + pool.getPort())));
    stage(channel, prepared.getStagingSessionToken());
    tryStream(jobs, prepared.getPreparationId());
    String job =
        jobs.run(RunJobRequest.newBuilder().setPreparationId(prepared.getPreparationId()).build())
            .getJobId();
    Iterator<JobStateEvent> states =
        jobs.getStateStream(GetJobStateRequest.newBuilder().setJobId(job).build());
    Iterator<JobMessagesResponse> messages =
        jobs.getMessageStream(JobMessagesRequest.newBuilder().setJobId(job).build());
    // As SDKs do, it goes on when the job is done: the streams end later.
    JobState.Enum last = JobState.Enum.UNSPECIFIED;
    while (last != JobState.Enum.DONE && states.hasNext()) {
      last = states.next().getState();
    }
    String text = "";
    boolean told = false;
    while (!told && messages.hasNext()) {
      JobMessagesResponse message = messages.next();
      text = message.hasMessageResponse() ? message.getMessageResponse().getMessageText() : text;
      told = message.getStateResponse().getState() == JobState.Enum.DONE;
    }
    if (last != JobState.Enum.DONE) {
      throw new IOException("a made-up job ended in the state " + last + ": " + text);
    }
    var metrics = jobs.getJobMetrics(GetJobMetricsRequest.newBuilder().setJobId(job).build());
    if (!metrics.hasMetrics()) {
      throw new IOException("a made-up job has no metrics");
    }
  }

  private static PrepareJobRequest request(Pipeline pipeline) {
    return PrepareJobRequest.newBuilder()
        .setJobName("rehearsal")
        .setPipeline(pipeline)
        .setPipelineOptions(RehearsalPipeline.options())
        .build();
  }

  /** Asks for a stream by the preparation's id, as Python does; a service may refuse it. */
  private static void tryStream(JobServiceGrpc.JobServiceBlockingStub jobs, String preparation) {
    try {
      var unused =
          jobs.getStateStream(GetJobStateRequest.newBuilder().setJobId(preparation).build())
              .hasNext();
    } catch (StatusRuntimeException refused) {
      // The way to the refusal is rehearsed as well.
    }
  }

  /** Has a pipeline planned: there is more to compile in planning than one job needs. */
  private static void plan(JobServiceGrpc.JobServiceBlockingStub jobs) throws IOException {
    try {
      var unused = jobs.prepare(TO_PLAN);
      throw new IOException("a made-up pipeline without an environment was taken");
    } catch (StatusRuntimeException refused) {
      if (!String.valueOf(refused.getMessage()).contains(Urns.Environments.DEFAULT)) {
        throw new IOException("a made-up pipeline could not be planned", refused);
      }
    }
  }

  private static void stage(ManagedChannel channel, String token) throws InterruptedException {
    CountDownLatch ended = new CountDownLatch(1);
    StreamObserver<ArtifactResponseWrapper> responses =
        ArtifactStagingServiceGrpc.newStub(channel)
            .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
            .reverseArtifactRetrievalService(
                new StreamObserver<ArtifactRequestWrapper>() {
                  @Override
                  public void onNext(ArtifactRequestWrapper request) {}

                  @Override
                  public void onError(Throwable failure) {
                    ended.countDown();
                  }

                  @Override
                  public void onCompleted() {
                    ended.countDown();
                  }
                });
    responses.onNext(
        ArtifactResponseWrapper.newBuilder()
            .setStagingToken(token)
            .setResolveArtifactResponse(ResolveArtifactsResponse.getDefaultInstance())
            .build());
    var unused = ended.await(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    pool.shutdownNow();
    workers.closeAll();
  }

  private static final class Pool
      extends BeamFnExternalWorkerPoolGrpc.BeamFnExternalWorkerPoolImplBase {
    private final Map<String, RehearsalHarness> harnesses = new ConcurrentHashMap<>();

    /** What the workers of the next job write. */
    private volatile RehearsalHarness.Size size = RehearsalHarness.Size.SMALL;

    /** Closes the workers that nobody has stopped. */
    void closeAll() {
      harnesses.values().forEach(RehearsalHarness::close);
      harnesses.clear();
    }

    @Override
    public void startWorker(
        StartWorkerRequest request, StreamObserver<StartWorkerResponse> observer) {
      // Outside of this call, whose end would cancel those of the harness.
      Context.ROOT.run(
          () ->
              harnesses.put(
                  request.getWorkerId(),
                  new RehearsalHarness(
                      request.getControlEndpoint().getUrl(), request.getWorkerId(), size)));
      observer.onNext(StartWorkerResponse.getDefaultInstance());
      observer.onCompleted();
    }

    @Override
    public void stopWorker(StopWorkerRequest request, StreamObserver<StopWorkerResponse> observer) {
      RehearsalHarness harness = harnesses.remove(request.getWorkerId());
      if (harness != null) {
        harness.close();
      }
      observer.onNext(StopWorkerResponse.getDefaultInstance());
      observer.onCompleted();
    }
  }
}
