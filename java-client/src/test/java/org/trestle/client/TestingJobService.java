package org.trestle.client;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactRequestWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ArtifactResponseWrapper;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactStagingServiceGrpc.ArtifactStagingServiceImplBase;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.DrainJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.DrainJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobStateEvent;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc.JobServiceImplBase;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.sdk.fn.server.ServerFactory;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;

/**
 * A job service that runs nothing: it answers as the test has told it, and keeps what it was sent.
 */
final class TestingJobService implements AutoCloseable {
  static final String JOB = "job-1";
  static final String PREPARATION = "preparation-1";
  static final String TOKEN = "token-1";

  final CompletableFuture<PrepareJobRequest> prepared = new CompletableFuture<>();
  final CompletableFuture<RunJobRequest> ran = new CompletableFuture<>();
  final Map<String, ByteString> staged = new LinkedHashMap<>();
  final List<String> calls = new CopyOnWriteArrayList<>();

  /** What a stream of messages sends, one stream after the other; the last script stays. */
  final Queue<Script> scripts = new ArrayDeque<>();

  volatile JobState.Enum state = JobState.Enum.RUNNING;
  volatile MetricResults metrics = MetricResults.getDefaultInstance();
  volatile @Nullable Status refusal;

  /** An artifact to ask for besides those of the pipeline. */
  volatile @Nullable ArtifactInformation coveted;

  private final ApiServiceDescriptor.Builder address = ApiServiceDescriptor.newBuilder();
  private final Server server;

  /** Responses of a stream, and how it ends; it stays open if there is no end. */
  record Script(List<JobMessagesResponse> responses, @Nullable Status end) {}

  TestingJobService() throws IOException {
    server =
        ServerFactory.createDefault()
            .allocateAddressAndCreate(List.of(new Jobs(), new Staging()), address);
  }

  String endpoint() {
    return address.getUrl();
  }

  TestingJobService sending(JobMessagesResponse... responses) {
    scripts.add(new Script(List.of(responses), Status.OK));
    return this;
  }

  TestingJobService thenBreaking(Status status, JobMessagesResponse... responses) {
    scripts.add(new Script(List.of(responses), status));
    return this;
  }

  TestingJobService stayingOpen(JobMessagesResponse... responses) {
    scripts.add(new Script(List.of(responses), null));
    return this;
  }

  static JobMessagesResponse state(JobState.Enum state) {
    return JobMessagesResponse.newBuilder()
        .setStateResponse(JobStateEvent.newBuilder().setState(state))
        .build();
  }

  static JobMessagesResponse message(MessageImportance importance, String text) {
    return JobMessagesResponse.newBuilder()
        .setMessageResponse(JobMessage.newBuilder().setImportance(importance).setMessageText(text))
        .build();
  }

  static JobMessagesResponse error(String text) {
    return message(MessageImportance.JOB_MESSAGE_ERROR, text);
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private final class Jobs extends JobServiceImplBase {
    private <T> void answer(String call, StreamObserver<T> out, T response) {
      calls.add(call);
      Status refused = refusal;
      if (refused != null) {
        out.onError(refused.asRuntimeException());
        return;
      }
      out.onNext(response);
      out.onCompleted();
    }

    @Override
    public void prepare(PrepareJobRequest request, StreamObserver<PrepareJobResponse> out) {
      prepared.complete(request);
      answer(
          "Prepare",
          out,
          PrepareJobResponse.newBuilder()
              .setPreparationId(PREPARATION)
              .setStagingSessionToken(TOKEN)
              .setArtifactStagingEndpoint(address)
              .build());
    }

    @Override
    public void run(RunJobRequest request, StreamObserver<RunJobResponse> out) {
      ran.complete(request);
      answer("Run", out, RunJobResponse.newBuilder().setJobId(JOB).build());
    }

    @Override
    public void getState(GetJobStateRequest request, StreamObserver<JobStateEvent> out) {
      answer("GetState", out, JobStateEvent.newBuilder().setState(state).build());
    }

    @Override
    public void cancel(CancelJobRequest request, StreamObserver<CancelJobResponse> out) {
      answer(
          "Cancel", out, CancelJobResponse.newBuilder().setState(JobState.Enum.CANCELLING).build());
    }

    @Override
    public void drain(DrainJobRequest request, StreamObserver<DrainJobResponse> out) {
      answer("Drain", out, DrainJobResponse.newBuilder().setState(JobState.Enum.DRAINING).build());
    }

    @Override
    public void getJobMetrics(
        GetJobMetricsRequest request, StreamObserver<GetJobMetricsResponse> out) {
      answer("GetJobMetrics", out, GetJobMetricsResponse.newBuilder().setMetrics(metrics).build());
    }

    @Override
    public void getMessageStream(
        JobMessagesRequest request, StreamObserver<JobMessagesResponse> out) {
      calls.add("GetMessageStream");
      Script script;
      synchronized (scripts) {
        script = scripts.size() > 1 ? scripts.remove() : scripts.element();
      }
      script.responses().forEach(out::onNext);
      Status end = script.end();
      if (end != null && end.isOk()) {
        out.onCompleted();
      } else if (end != null) {
        out.onError(end.asRuntimeException());
      }
    }
  }

  private final class Staging extends ArtifactStagingServiceImplBase {
    @Override
    public StreamObserver<ArtifactResponseWrapper> reverseArtifactRetrievalService(
        StreamObserver<ArtifactRequestWrapper> out) {
      return new Retrieval(out);
    }
  }

  /** Asks for one artifact after the other. */
  private final class Retrieval implements StreamObserver<ArtifactResponseWrapper> {
    private final StreamObserver<ArtifactRequestWrapper> out;
    private final Queue<ArtifactInformation> wanted = new ArrayDeque<>();
    private ByteString content = ByteString.EMPTY;

    Retrieval(StreamObserver<ArtifactRequestWrapper> out) {
      this.out = out;
    }

    @Override
    public void onNext(ArtifactResponseWrapper response) {
      if (response.hasGetArtifactResponse()) {
        content = content.concat(response.getGetArtifactResponse().getData());
        if (!response.getIsLast()) {
          return;
        }
        staged.put(wanted.remove().getTypePayload().toStringUtf8(), content);
        content = ByteString.EMPTY;
      } else {
        calls.add("stage " + response.getStagingToken());
        wanted.addAll(dependencies());
      }
      ArtifactInformation next = wanted.peek();
      if (next == null) {
        out.onCompleted();
      } else {
        out.onNext(
            ArtifactRequestWrapper.newBuilder()
                .setGetArtifact(GetArtifactRequest.newBuilder().setArtifact(next))
                .build());
      }
    }

    private List<ArtifactInformation> dependencies() {
      List<ArtifactInformation> all = new ArrayList<>();
      prepared
          .join()
          .getPipeline()
          .getComponents()
          .getEnvironmentsMap()
          .values()
          .forEach(e -> all.addAll(e.getDependenciesList()));
      ArtifactInformation extra = coveted;
      if (extra != null) {
        all.add(extra);
      }
      return all;
    }

    @Override
    public void onError(Throwable t) {
      calls.add("staging broke off");
    }

    @Override
    public void onCompleted() {
      calls.add("staging ended");
    }
  }
}
