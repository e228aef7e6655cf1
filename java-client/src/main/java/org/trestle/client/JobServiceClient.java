package org.trestle.client;

import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.beam.model.jobmanagement.v1.JobApi;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc.JobServiceBlockingStub;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.sdk.fn.channel.ManagedChannelFactory;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.StatusRuntimeException;

/**
 * Calls of the job API at one endpoint. Each call but the stream of messages ends within the
 * deadline given to the constructor. Safe for any thread.
 *
 * <p>All calls throw {@link JobServiceException} when the service refuses or does not answer.
 */
final class JobServiceClient implements AutoCloseable {
  private final String endpoint;
  private final Duration deadline;
  private final ManagedChannel channel;
  private final JobServiceBlockingStub stub;

  JobServiceClient(String endpoint, Duration deadline) {
    this.endpoint = endpoint;
    this.deadline = deadline;
    checkEndpoint(endpoint);
    this.channel =
        ManagedChannelFactory.createDefault()
            .forDescriptor(ApiServiceDescriptor.newBuilder().setUrl(endpoint).build());
    this.stub = JobServiceGrpc.newBlockingStub(channel);
  }

  private static void checkEndpoint(String endpoint) {
    if (!endpoint.matches("(unix://.+|.+:\\d{1,5})")) {
      throw new IllegalArgumentException(
          "--jobEndpoint=" + endpoint + " is not an address: give HOST:PORT, as in localhost:8073");
    }
  }

  PrepareJobResponse prepare(PrepareJobRequest request) {
    return call("Prepare", s -> s.prepare(request));
  }

  /** Starts a prepared job; returns the job's id. */
  String run(PrepareJobResponse prepared) {
    JobApi.RunJobRequest request =
        JobApi.RunJobRequest.newBuilder()
            .setPreparationId(prepared.getPreparationId())
            .setRetrievalToken(prepared.getStagingSessionToken())
            .build();
    return call("Run", s -> s.run(request)).getJobId();
  }

  JobApi.JobState.Enum state(String jobId) {
    JobApi.GetJobStateRequest request =
        JobApi.GetJobStateRequest.newBuilder().setJobId(jobId).build();
    return call("GetState", s -> s.getState(request)).getState();
  }

  JobApi.JobState.Enum cancel(String jobId) {
    JobApi.CancelJobRequest request = JobApi.CancelJobRequest.newBuilder().setJobId(jobId).build();
    return call("Cancel", s -> s.cancel(request)).getState();
  }

  JobApi.JobState.Enum drain(String jobId) {
    JobApi.DrainJobRequest request = JobApi.DrainJobRequest.newBuilder().setJobId(jobId).build();
    return call("Drain", s -> s.drain(request)).getState();
  }

  JobApi.MetricResults metrics(String jobId) {
    JobApi.GetJobMetricsRequest request =
        JobApi.GetJobMetricsRequest.newBuilder().setJobId(jobId).build();
    return call("GetJobMetrics", s -> s.getJobMetrics(request)).getMetrics();
  }

  /**
   * All messages and states of a job from its beginning, until it ends; the iterator waits for
   * more.
   *
   * @throws StatusRuntimeException from the iterator, when the stream breaks
   */
  Iterator<JobMessagesResponse> messages(String jobId) {
    return stub.getMessageStream(messagesOf(jobId));
  }

  /**
   * The messages that come within a time; the iterator throws {@link StatusRuntimeException} after.
   */
  Iterator<JobMessagesResponse> messages(String jobId, Duration limit) {
    return stub.withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS)
        .getMessageStream(messagesOf(jobId));
  }

  private static JobApi.JobMessagesRequest messagesOf(String jobId) {
    return JobApi.JobMessagesRequest.newBuilder().setJobId(jobId).build();
  }

  private <T> T call(String name, Function<JobServiceBlockingStub, T> call) {
    try {
      return call.apply(stub.withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS));
    } catch (StatusRuntimeException e) {
      throw refused(name, e);
    }
  }

  private JobServiceException refused(String call, StatusRuntimeException e) {
    Status status = e.getStatus();
    String text =
        switch (status.getCode()) {
          case UNAVAILABLE ->
              "no job service answers at "
                  + endpoint
                  + ": start one with './trestle serve', or name its address with --jobEndpoint ("
                  + reason(status)
                  + ")";
          case DEADLINE_EXCEEDED ->
              "the job service at "
                  + endpoint
                  + " did not answer "
                  + call
                  + " within "
                  + deadline.toSeconds()
                  + " s; --jobServerTimeout sets how long to wait";
          case UNIMPLEMENTED ->
              "what answers at " + endpoint + " has no " + call + ": " + status.getDescription();
          default ->
              "the job service at "
                  + endpoint
                  + " refused "
                  + call
                  + ": "
                  + status.getCode()
                  + ": "
                  + status.getDescription();
        };
    return new JobServiceException(text, e);
  }

  private static String reason(Status status) {
    Throwable cause = status.getCause();
    return cause == null || cause.getMessage() == null
        ? String.valueOf(status.getDescription())
        : cause.getMessage();
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
