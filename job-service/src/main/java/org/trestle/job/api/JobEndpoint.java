package org.trestle.job.api;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.DescribePipelineOptionsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.DescribePipelineOptionsResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.DrainJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.DrainJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobPipelineRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobPipelineResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobsResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobInfo;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobStateEvent;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.jspecify.annotations.Nullable;
import org.trestle.job.RefusedException;
import org.trestle.job.RefusedException.Reason;
import org.trestle.job.event.JobEvent;
import org.trestle.job.run.Job;
import org.trestle.job.run.Jobs;
import org.trestle.job.run.Preparation;
import org.trestle.job.store.JobDescription;
import org.trestle.job.store.JobStates;

/** Beam's job API. */
public final class JobEndpoint extends JobServiceGrpc.JobServiceImplBase {
  /**
   * How long a stream of states stays open after the last one. Python's client ends its program
   * right then. What comes while the interpreter ends, such as the end of the stream, can stop
   * gRPC's thread with a lock in its hands, for which the interpreter then waits for ever.
   */
  private static final int STATES_OPEN_MILLIS = 500;

  private final Jobs jobs;
  private final Executor streams;
  private final String address;

  /**
   * @param streams sends events to clients
   * @param address where this server is reached, for callers whose own way to it is unknown
   */
  public JobEndpoint(Jobs jobs, Executor streams, String address) {
    this.jobs = jobs;
    this.streams = streams;
    this.address = address;
  }

  @Override
  public void prepare(PrepareJobRequest request, StreamObserver<PrepareJobResponse> observer) {
    Calls.answer(
        observer,
        () -> {
          if (!request.hasPipeline()) {
            throw new RefusedException(Reason.INVALID, "the request has no pipeline");
          }
          Preparation preparation =
              jobs.prepare(
                  request.getJobName(), request.getPipeline(), request.getPipelineOptions());
          PrepareJobResponse.Builder response =
              PrepareJobResponse.newBuilder()
                  .setPreparationId(preparation.id())
                  .setStagingSessionToken(preparation.stagingToken());
          if (preparation.expectsStaging()) {
            response.setArtifactStagingEndpoint(
                ApiServiceDescriptor.newBuilder().setUrl(CallerAuthority.orElse(address)));
          }
          return response.build();
        });
  }

  @Override
  public void run(RunJobRequest request, StreamObserver<RunJobResponse> observer) {
    Calls.answer(
        observer,
        () ->
            RunJobResponse.newBuilder()
                .setJobId(jobs.run(request.getPreparationId()).id())
                .build());
  }

  @Override
  public void getJobs(GetJobsRequest request, StreamObserver<GetJobsResponse> observer) {
    Calls.answer(
        observer,
        () -> {
          GetJobsResponse.Builder response = GetJobsResponse.newBuilder();
          for (Job job : jobs.all()) {
            JobDescription description = job.description();
            response.addJobInfo(
                JobInfo.newBuilder()
                    .setJobId(description.id())
                    .setJobName(description.name())
                    .setPipelineOptions(description.options())
                    .setState(description.state()));
          }
          return response.build();
        });
  }

  @Override
  public void getState(GetJobStateRequest request, StreamObserver<JobStateEvent> observer) {
    Calls.answer(
        observer,
        () -> {
          JobDescription job = jobs.job(request.getJobId()).description();
          return Messages.state(job.states().get(job.states().size() - 1));
        });
  }

  @Override
  public void getPipeline(
      GetJobPipelineRequest request, StreamObserver<GetJobPipelineResponse> observer) {
    Calls.answer(
        observer,
        () ->
            GetJobPipelineResponse.newBuilder()
                .setPipeline(jobs.job(request.getJobId()).pipeline())
                .build());
  }

  @Override
  public void cancel(CancelJobRequest request, StreamObserver<CancelJobResponse> observer) {
    Calls.answer(
        observer,
        () ->
            CancelJobResponse.newBuilder().setState(jobs.job(request.getJobId()).cancel()).build());
  }

  @Override
  public void drain(DrainJobRequest request, StreamObserver<DrainJobResponse> observer) {
    Calls.answer(
        observer,
        () -> {
          Job job = jobs.job(request.getJobId());
          if (JobStates.isTerminal(job.state())) {
            return DrainJobResponse.newBuilder().setState(job.state()).build();
          }
          return DrainJobResponse.newBuilder().setState(job.drain()).build();
        });
  }

  @Override
  public void getJobMetrics(
      GetJobMetricsRequest request, StreamObserver<GetJobMetricsResponse> observer) {
    Calls.answer(
        observer,
        () ->
            GetJobMetricsResponse.newBuilder()
                .setMetrics(jobs.job(request.getJobId()).figures().metrics())
                .build());
  }

  @Override
  public void describePipelineOptions(
      DescribePipelineOptionsRequest request,
      StreamObserver<DescribePipelineOptionsResponse> observer) {
    Calls.answer(observer, RunnerOptions::describe);
  }

  @Override
  public void getStateStream(GetJobStateRequest request, StreamObserver<JobStateEvent> observer) {
    stream(
        request.getJobId(),
        observer,
        Messages::stateOnly,
        CompletableFuture.delayedExecutor(
            STATES_OPEN_MILLIS, TimeUnit.MILLISECONDS, Runnable::run));
  }

  @Override
  public void getMessageStream(
      JobMessagesRequest request, StreamObserver<JobMessagesResponse> observer) {
    stream(request.getJobId(), observer, Messages::response, Runnable::run);
  }

  private <T> void stream(
      String jobId,
      StreamObserver<T> observer,
      Function<JobEvent, @Nullable T> convert,
      Executor endings) {
    try {
      if (!(observer instanceof ServerCallStreamObserver<T> client)) {
        throw Status.INTERNAL.withDescription("not a server stream").asRuntimeException();
      }
      EventStream.start(jobs.job(jobId).events(), client, convert, true, streams, endings);
    } catch (RuntimeException e) {
      observer.onError(Calls.toStatus(e));
    }
  }
}
