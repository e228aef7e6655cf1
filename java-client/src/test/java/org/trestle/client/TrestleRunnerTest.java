package org.trestle.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.ExternalPayload;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.Pipeline.PipelineExecutionException;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.Value;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.joda.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrestleRunnerTest {
  private static final Duration LIMIT = Duration.standardSeconds(30);
  private static final String EXTERNAL = "beam:env:external:v1";

  private TestingJobService service;
  @TempDir private Path directory;

  @BeforeEach
  void startService() throws IOException {
    service = new TestingJobService();
  }

  @AfterEach
  void stopService() {
    service.close();
  }

  private TrestlePipelineOptions options(String... more) {
    String[] flags = new String[more.length + 2];
    flags[0] = "--runner=TrestleRunner";
    flags[1] = "--jobEndpoint=" + service.endpoint();
    System.arraycopy(more, 0, flags, 2, more.length);
    return PipelineOptionsFactory.fromArgs(flags).as(TrestlePipelineOptions.class);
  }

  private TrestlePipelineOptions inPool(String... files) {
    TrestlePipelineOptions options =
        options("--defaultEnvironmentType=EXTERNAL", "--defaultEnvironmentConfig=localhost:5");
    options.setFilesToStage(List.of(files));
    return options;
  }

  private static Pipeline pipeline(TrestlePipelineOptions options) {
    Pipeline pipeline = Pipeline.create(options);
    pipeline.apply("Numbers", Create.of(1, 2, 3));
    return pipeline;
  }

  private static TrestlePipelineResult run(TrestlePipelineOptions options) {
    return (TrestlePipelineResult) pipeline(options).run();
  }

  private RunnerApi.Environment environment() {
    Collection<RunnerApi.Environment> all =
        service.prepared.join().getPipeline().getComponents().getEnvironmentsMap().values();
    assertThat(all).hasSize(1);
    return all.iterator().next();
  }

  @Test
  void preparesStagesRunsAndFollowsToTheEnd() throws Exception {
    service.sending(
        TestingJobService.state(JobState.Enum.RUNNING),
        TestingJobService.state(JobState.Enum.DONE));
    TrestlePipelineOptions options = inPool();
    options.setJobName("numbers");
    options.setMaxNumWorkers(3);

    TrestlePipelineResult result = run(options);

    assertThat(result.waitUntilFinish(LIMIT)).isEqualTo(PipelineResult.State.DONE);
    assertThat(result.getState()).isEqualTo(PipelineResult.State.DONE);
    assertThat(result.jobId()).isEqualTo(TestingJobService.JOB);
    assertThat(service.prepared.join().getJobName()).isEqualTo("numbers");
    assertThat(service.prepared.join().getPipelineOptions().getFieldsMap())
        .containsKey("beam:option:job_name:v1")
        .containsEntry(
            "beam:option:max_num_workers:v1", Value.newBuilder().setNumberValue(3).build());
    assertThat(service.ran.get(10, TimeUnit.SECONDS).getPreparationId())
        .isEqualTo(TestingJobService.PREPARATION);
    assertThat(service.calls)
        .containsSubsequence(
            "Prepare",
            "stage " + TestingJobService.TOKEN,
            "Run",
            "GetMessageStream",
            "GetJobMetrics");
    assertThat(environment().getUrn()).isEqualTo(EXTERNAL);
    assertThat(ExternalPayload.parseFrom(environment().getPayload()).getEndpoint().getUrl())
        .isEqualTo("localhost:5");
  }

  @Test
  void givesTheServiceTheBytesOfTheFilesToStage() throws IOException {
    byte[] large = new byte[(5 << 20) + 17];
    new Random(7).nextBytes(large);
    Path jar = Files.write(directory.resolve("large.jar"), large);
    Path empty = Files.createFile(directory.resolve("empty.jar"));
    service.sending(TestingJobService.state(JobState.Enum.DONE));

    run(inPool(jar.toString(), empty.toString())).waitUntilFinish(LIMIT);

    assertThat(service.staged.values())
        .containsExactlyInAnyOrder(ByteString.copyFrom(large), ByteString.EMPTY);
  }

  @Test
  void givesNoFileThatThePipelineDoesNotName() throws IOException {
    Path secret = Files.writeString(directory.resolve("secret"), "secret");
    service.coveted =
        ArtifactInformation.newBuilder()
            .setTypeUrn("beam:artifact:type:file:v1")
            .setTypePayload(
                ArtifactFilePayload.newBuilder().setPath(secret.toString()).build().toByteString())
            .build();

    assertThatThrownBy(() -> run(inPool()))
        .isInstanceOf(JobServiceException.class)
        .hasMessageContaining("does not name");
    assertThat(service.staged).isEmpty();
    assertThat(service.calls).doesNotContain("Run");
  }

  @Test
  void failedJobThrowsWithTheTextOfTheUsersException() {
    service.sending(
        TestingJobService.error("stage s1 failed: java.lang.IllegalStateException: boom\n\tat Foo"),
        TestingJobService.state(JobState.Enum.FAILED));

    TrestlePipelineResult result = run(inPool());

    assertThatThrownBy(() -> result.waitUntilFinish(LIMIT))
        .isInstanceOf(PipelineExecutionException.class)
        .isInstanceOf(JobFailedException.class)
        .hasMessageContaining(TestingJobService.JOB)
        .hasMessageContaining("java.lang.IllegalStateException: boom");
    assertThat(result.getState()).isEqualTo(PipelineResult.State.FAILED);
  }

  @Test
  void findsAnErrorThatComesAfterTheState() {
    service
        .sending(TestingJobService.state(JobState.Enum.FAILED))
        .sending(
            TestingJobService.state(JobState.Enum.FAILED), TestingJobService.error("too late"));

    assertThatThrownBy(() -> run(inPool()).waitUntilFinish(LIMIT)).hasMessageContaining("too late");
  }

  @Test
  void waitThatRunsOutReturnsNull() {
    service.stayingOpen(TestingJobService.state(JobState.Enum.RUNNING));

    TrestlePipelineResult result = run(inPool());

    assertThat(result.waitUntilFinish(Duration.millis(50))).isNull();
    assertThat(result.getState()).isEqualTo(PipelineResult.State.RUNNING);
  }

  @Test
  void cancelAndDrainAskTheService() {
    service.stayingOpen(TestingJobService.state(JobState.Enum.RUNNING));
    TrestlePipelineResult result = run(inPool());

    assertThat(result.cancel()).isEqualTo(PipelineResult.State.RUNNING);
    assertThat(result.drain()).isEqualTo(PipelineResult.State.RUNNING);
    assertThat(service.calls).contains("Cancel", "Drain");
  }

  @Test
  void cancelledJobIsNoError() {
    service.sending(TestingJobService.state(JobState.Enum.CANCELLED));

    assertThat(run(inPool()).waitUntilFinish(LIMIT)).isEqualTo(PipelineResult.State.CANCELLED);
  }

  @Test
  void refusalHasTheWordsOfTheService() {
    service.refusal = Status.INVALID_ARGUMENT.withDescription("transform t1 has no coder");

    assertThatThrownBy(() -> run(inPool()))
        .isInstanceOf(JobServiceException.class)
        .hasMessageContaining("Prepare")
        .hasMessageContaining("transform t1 has no coder");
  }

  @Test
  void serviceThatIsNotThereIsNamedAtOnce() throws IOException {
    int free;
    try (ServerSocket socket = new ServerSocket(0)) {
      free = socket.getLocalPort();
    }
    TrestlePipelineOptions options = inPool();
    options.setJobEndpoint("localhost:" + free);

    assertThatThrownBy(() -> run(options))
        .isInstanceOf(JobServiceException.class)
        .hasMessageContaining("no job service answers at localhost:" + free)
        .hasMessageContaining("--jobEndpoint");
  }

  @Test
  void endpointThatIsNoAddressIsRefused() {
    TrestlePipelineOptions options = inPool();
    options.setJobEndpoint("somewhere");

    assertThatThrownBy(() -> run(options))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("--jobEndpoint=somewhere");
  }

  @Test
  void unknownEnvironmentTypeIsRefusedWithThoseThereAre() {
    assertThatThrownBy(() -> run(options("--defaultEnvironmentType=MAINFRAME")))
        .hasMessageContaining("MAINFRAME")
        .hasMessageContaining("LOOPBACK");
  }

  @Test
  void environmentCanBeLeftToTheService() {
    service.sending(TestingJobService.state(JobState.Enum.DONE));
    TrestlePipelineOptions options = options("--defaultEnvironmentType=DEFAULT");
    options.setFilesToStage(List.of());

    run(options).waitUntilFinish(LIMIT);

    assertThat(environment().getUrn()).isEqualTo("beam:env:default:v1");
    assertThat(environment().getPayload()).isEqualTo(ByteString.EMPTY);
    assertThat(environment().getCapabilitiesList()).isNotEmpty();
  }

  @Test
  void workersAreInThisProcessIfNothingElseIsSaid() throws Exception {
    service.sending(TestingJobService.state(JobState.Enum.DONE));
    TrestlePipelineOptions options = options();

    run(options).waitUntilFinish(LIMIT);

    assertThat(environment().getUrn()).isEqualTo(EXTERNAL);
    String pool = ExternalPayload.parseFrom(environment().getPayload()).getEndpoint().getUrl();
    assertThat(pool).matches(".+:\\d+");
    assertThat(environment().getDependenciesList()).isEmpty();
    int port = Integer.parseInt(pool.substring(pool.lastIndexOf(':') + 1));
    new ServerSocket(port).close(); // the pool has gone with the job
    assertThat(options.getDefaultEnvironmentType()).isNull();
    assertThat(options.getDefaultEnvironmentConfig()).isNull();
    assertThat(options.getFilesToStage()).isNull();
  }
}
