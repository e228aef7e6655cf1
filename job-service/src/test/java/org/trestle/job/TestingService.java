package org.trestle.job;

import com.google.protobuf.Struct;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.ArtifactStagingServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.RunJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.job.api.JobServer;
import org.trestle.job.config.ConfigSources;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.config.Setting;
import org.trestle.job.run.Jobs;
import org.trestle.job.store.StateDirectory;

/** A real service on a free port with a {@link TestingEngine}, and a client of it. */
public final class TestingService implements AutoCloseable {
  /** A pipeline that the testing engine accepts. */
  public static final Pipeline PIPELINE =
      Pipeline.newBuilder().addRootTransformIds("impulse").build();

  private final TestingEngine engine = new TestingEngine();
  private final StateDirectory state;
  private final JobServer server;
  private final ManagedChannel channel;

  private TestingService(ServiceConfig config) throws IOException {
    state = StateDirectory.open(config.stateDir());
    server = JobServer.start(config, state, engine, Clock.systemUTC());
    channel =
        NettyChannelBuilder.forTarget(endpoint())
            .usePlaintext()
            .maxInboundMessageSize(64 << 20)
            .build();
  }

  /** Starts a service with default settings. */
  public static TestingService start(Path stateDir) throws IOException {
    return start(stateDir, Map.of());
  }

  /** Starts a service with some settings of its own. */
  public static TestingService start(Path stateDir, Map<Setting, String> settings)
      throws IOException {
    Map<Setting, String> flags = new EnumMap<>(Setting.class);
    flags.put(Setting.PORT, "0");
    flags.put(Setting.STATE_DIR, stateDir.toString());
    flags.put(Setting.SHUTDOWN_TIMEOUT, "1s");
    flags.putAll(settings);
    return new TestingService(ConfigSources.resolve(flags, Map.of(), null));
  }

  /** The engine behind the service. */
  public TestingEngine engine() {
    return engine;
  }

  /** The jobs of the service. */
  public Jobs jobs() {
    return server.jobs();
  }

  /** Has something done when the service has been idle for a while after a job. */
  public void whenIdle(Duration quiet, Runnable action) {
    server.whenIdle(quiet, action);
  }

  /** Address of the service. */
  public String endpoint() {
    return "localhost:" + server.port();
  }

  /** The connection of the client. */
  public ManagedChannel channel() {
    return channel;
  }

  /** A client of the job API whose calls end in time. */
  public JobServiceGrpc.JobServiceBlockingStub client() {
    return JobServiceGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  /** A client of the artifact staging service. */
  public ArtifactStagingServiceGrpc.ArtifactStagingServiceStub staging() {
    return ArtifactStagingServiceGrpc.newStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  /** Prepares a pipeline. */
  public PrepareJobResponse prepare(Pipeline pipeline) {
    return client()
        .prepare(
            PrepareJobRequest.newBuilder()
                .setJobName("test job")
                .setPipeline(pipeline)
                .setPipelineOptions(Struct.getDefaultInstance())
                .build());
  }

  /** Prepares and runs a pipeline; returns the job's id. */
  public String run() {
    return run(prepare(PIPELINE).getPreparationId());
  }

  /** Runs a preparation; returns the job's id. */
  public String run(String preparationId) {
    return client()
        .run(RunJobRequest.newBuilder().setPreparationId(preparationId).build())
        .getJobId();
  }

  /** The job's state now. */
  public JobState.Enum state(String jobId) {
    return client().getState(GetJobStateRequest.newBuilder().setJobId(jobId).build()).getState();
  }

  /** The job's messages from the first one. */
  public Iterator<JobMessagesResponse> messages(String jobId) {
    return client().getMessageStream(JobMessagesRequest.newBuilder().setJobId(jobId).build());
  }

  /** Runs a job to its end, which shows that the service still works. */
  public void runsAnotherJob() throws InterruptedException {
    String id = run();
    engine.next().finish();
    Iterator<JobMessagesResponse> messages = messages(id);
    JobMessagesResponse last = JobMessagesResponse.getDefaultInstance();
    while (messages.hasNext()) {
      last = messages.next();
    }
    if (last.getStateResponse().getState() != JobState.Enum.DONE) {
      throw new AssertionError("the next job did not end well: " + last);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.close();
    state.close();
  }
}
