package org.trestle.job.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import com.google.protobuf.Timestamp;
import com.google.protobuf.Value;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.DescribePipelineOptionsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.DrainJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobPipelineRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobStateRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobInfo;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobStateEvent;
import org.apache.beam.model.jobmanagement.v1.JobApi.PipelineOptionDescriptor;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingEngine;
import org.trestle.job.TestingEngine.Execution;
import org.trestle.job.TestingService;
import org.trestle.job.config.Setting;

final class JobEndpointTest {
  @TempDir Path directory = Path.of(".");
  private TestingService service;

  @BeforeEach
  void start() throws IOException {
    service = TestingService.start(directory, Map.of(Setting.MAX_PIPELINE_SIZE, "1MiB"));
  }

  @AfterEach
  void stop() {
    service.close();
  }

  @Test
  void preparesAndRunsAJobToItsEnd() throws Exception {
    PrepareJobResponse prepared = service.prepare(TestingService.PIPELINE);
    assertThat(prepared.getStagingSessionToken()).hasSizeGreaterThanOrEqualTo(32);
    assertThat(prepared.getArtifactStagingEndpoint().getUrl()).isEqualTo(service.endpoint());

    assertThat(service.engine().waiting()).isOne();
    String job = service.run(prepared.getPreparationId());
    assertThat(job).startsWith("test-job-");
    assertThat(service.engine().waiting()).isZero();
    assertThat(service.state(job)).isEqualTo(JobState.Enum.STARTING);
    Execution execution = service.engine().next();
    execution.listener().state(JobState.Enum.RUNNING);
    assertThat(service.state(job)).isEqualTo(JobState.Enum.RUNNING);
    execution.finish();
    assertThat(service.state(job)).isEqualTo(JobState.Enum.DONE);
    assertThat(states(job))
        .containsExactly(
            JobState.Enum.STOPPED,
            JobState.Enum.STARTING,
            JobState.Enum.RUNNING,
            JobState.Enum.DONE);
  }

  @Test
  void refusesAPipelineWithAllItsProblemsAtOnce() throws Exception {
    Pipeline pipeline =
        Pipeline.newBuilder()
            .addRequirements(TestingEngine.UNKNOWN)
            .addRequirements(TestingEngine.UNKNOWN)
            .build();
    assertRefused(
        () -> service.prepare(pipeline),
        Status.Code.INVALID_ARGUMENT,
        "2 reasons",
        TestingEngine.UNKNOWN);
    service.runsAnotherJob();
  }

  @Test
  void refusesARequestWithoutAPipeline() throws Exception {
    assertRefused(
        () -> service.client().prepare(PrepareJobRequest.getDefaultInstance()),
        Status.Code.INVALID_ARGUMENT,
        "no pipeline");
    service.runsAnotherJob();
  }

  @Test
  void refusesALargePipelineInWords() throws Exception {
    Pipeline large = Pipeline.newBuilder().addRootTransformIds("x".repeat(2 << 20)).build();
    assertRefused(
        () -> service.prepare(large),
        Status.Code.RESOURCE_EXHAUSTED,
        "max-pipeline-size",
        "1048576");
    service.runsAnotherJob();
  }

  @Test
  void survivesARequestBeyondTheTransportsLimit() throws Exception {
    Pipeline huge = Pipeline.newBuilder().addRootTransformIds("x".repeat(70 << 20)).build();
    assertThatThrownBy(() -> service.prepare(huge)).isInstanceOf(StatusRuntimeException.class);
    service.runsAnotherJob();
  }

  @Test
  void doesNotRunAnUnknownPreparation() throws Exception {
    assertRefused(() -> service.run("prep-unknown"), Status.Code.NOT_FOUND, "prep-unknown");
    service.runsAnotherJob();
  }

  @Test
  void doesNotRunAPreparationTwice() throws Exception {
    String preparation = service.prepare(TestingService.PIPELINE).getPreparationId();
    String job = service.run(preparation);
    assertRefused(
        () -> service.run(preparation), Status.Code.FAILED_PRECONDITION, preparation, job);
    service.engine().next().finish();
    service.runsAnotherJob();
  }

  @Test
  void namesTheJobThatIsUnknown() throws Exception {
    List<ThrowingCallable> calls =
        List.of(
            () -> service.state("nobody"),
            () -> states("nobody"),
            () -> service.messages("nobody").next(),
            () -> cancel("nobody"),
            () -> drain("nobody"),
            () -> metrics("nobody"),
            () -> pipeline("nobody"));
    for (ThrowingCallable call : calls) {
      assertRefused(call, Status.Code.NOT_FOUND, "nobody");
    }
    service.runsAnotherJob();
  }

  @Test
  void refusesStreamsOfAPreparationAtOnce() {
    String preparation = service.prepare(TestingService.PIPELINE).getPreparationId();
    assertRefused(() -> states(preparation), Status.Code.NOT_FOUND, preparation, "preparation");
    assertRefused(() -> service.messages(preparation).next(), Status.Code.NOT_FOUND, preparation);
  }

  @Test
  void tellsTheErrorBeforeTheStateFailed() throws Exception {
    String job = service.run();
    service.engine().next().fail("ValueError: bad element in stage Split");
    List<JobMessagesResponse> messages = drainStream(service.messages(job));
    JobMessagesResponse last = messages.get(messages.size() - 1);
    JobMessagesResponse before = messages.get(messages.size() - 2);
    assertThat(last.getStateResponse().getState()).isEqualTo(JobState.Enum.FAILED);
    assertThat(before.getMessageResponse().getImportance())
        .isEqualTo(MessageImportance.JOB_MESSAGE_ERROR);
    assertThat(before.getMessageResponse().getMessageText()).contains("bad element");
  }

  @Test
  void givesAReasonWhereTheEngineGaveNone() throws Exception {
    String job = service.run();
    service.engine().next().end(JobState.Enum.FAILED);
    assertThat(errors(job)).containsExactly("the job failed; the engine gave no reason");
  }

  @Test
  void failsTheJobWhenTheEngineCannotStartIt() throws Exception {
    service.engine().refuseToStart(true);
    String job = service.run();
    assertThat(errors(job)).containsExactly("the job cannot be started: no workers today");
    assertThat(service.state(job)).isEqualTo(JobState.Enum.FAILED);
    service.engine().refuseToStart(false);
    service.runsAnotherJob();
  }

  @Test
  void failsTheJobWhenTheEngineBreaksDown() throws Exception {
    String job = service.run();
    service.engine().next().breakDown(new IllegalStateException("lost the plan"));
    assertThat(errors(job)).singleElement().asString().contains("lost the plan");
    assertThat(service.state(job)).isEqualTo(JobState.Enum.FAILED);
    service.runsAnotherJob();
  }

  @Test
  void sendsLogEntriesOfWorkersWithWhereTheyCameFrom() throws Exception {
    String job = service.run();
    Execution execution = service.engine().next();
    execution
        .listener()
        .log(
            "worker-7",
            LogEntry.newBuilder()
                .setSeverity(LogEntry.Severity.Enum.ERROR)
                .setTimestamp(Timestamp.newBuilder().setSeconds(1_700_000_000))
                .setTransformId("ParDo(Split)")
                .setLogLocation("split.py:12")
                .setThread("Thread-3")
                .setMessage("odd element")
                .setTrace("Traceback: here")
                .build());
    execution.fail("the real reason");
    JobMessage log =
        drainStream(service.messages(job)).stream()
            .map(JobMessagesResponse::getMessageResponse)
            .filter(message -> message.getMessageText().contains("odd element"))
            .findFirst()
            .orElseThrow();
    assertThat(log.getMessageText())
        .contains("ERROR", "worker-7", "ParDo(Split)", "split.py:12", "Thread-3", "Traceback");
    assertThat(log.getTime()).isEqualTo("2023-11-14T22:13:20Z");
    assertThat(log.getImportance()).isEqualTo(MessageImportance.JOB_MESSAGE_WARNING);
    assertThat(errors(job)).containsExactly("the real reason");
  }

  /** A Go program in LOOPBACK logs each message of its job, and sends what it logs as a worker. */
  @Test
  void doesNotTellAMessageAgainThatTheClientSendsBackAsAWorkersLog() throws Exception {
    String worker = "w-" + "0123456789abcdef0123".repeat(2);
    String job = service.run();
    Execution execution = service.engine().next();
    LogEntry entry = LogEntry.newBuilder().setMessage("connected").build();
    execution.listener().log(worker, entry);
    String told = messageWith(job, "connected");
    String echo = "(id=3)" + told;
    execution.listener().log(worker, entry.toBuilder().setMessage(echo).build());
    execution
        .listener()
        .log(worker, entry.toBuilder().setMessage(echo).setInstructionId("user code").build());
    execution.listener().log(worker, entry.toBuilder().setMessage("left " + worker).build());
    execution.finish();
    assertThat(drainStream(service.messages(job)))
        .extracting(message -> message.getMessageResponse().getMessageText())
        .filteredOn(text -> text.contains(worker))
        .containsExactly(
            told,
            "UNSPECIFIED " + worker + ": " + echo,
            "UNSPECIFIED " + worker + ": left " + worker);
  }

  private String messageWith(String job, String part) {
    Iterator<JobMessagesResponse> messages = service.messages(job);
    while (messages.hasNext()) {
      String text = messages.next().getMessageResponse().getMessageText();
      if (text.contains(part)) {
        return text;
      }
    }
    throw new AssertionError(part);
  }

  @Test
  void replaysALongHistoryToALateReaderAndClosesTheStream() throws Exception {
    String job = service.run();
    Execution execution = service.engine().next();
    execution.listener().state(JobState.Enum.RUNNING);
    for (int i = 0; i < 5000; i++) {
      execution.listener().message(MessageImportance.JOB_MESSAGE_BASIC, "message " + i);
    }
    Iterator<JobMessagesResponse> early = service.messages(job);
    assertThat(early.next().getStateResponse().getState()).isEqualTo(JobState.Enum.STOPPED);
    execution.finish();
    List<JobMessagesResponse> late = drainStream(service.messages(job));
    assertThat(late).hasSize(5000 + 4);
    assertThat(late.get(3).getMessageResponse().getMessageText()).isEqualTo("message 0");
    assertThat(late.get(5002).getMessageResponse().getMessageText()).isEqualTo("message 4999");
    assertThat(late.get(5003).getStateResponse().getState()).isEqualTo(JobState.Enum.DONE);
    assertThat(drainStream(early)).hasSize(5003);
  }

  @Test
  void cancelsARunningJob() throws Exception {
    String job = service.run();
    Execution execution = service.engine().next();
    execution.listener().state(JobState.Enum.RUNNING);
    assertThat(cancel(job)).isIn(JobState.Enum.CANCELLING, JobState.Enum.CANCELLED);
    assertThat(execution.isCancelled()).isTrue();
    assertThat(states(job)).endsWith(JobState.Enum.CANCELLING, JobState.Enum.CANCELLED);
    assertThat(cancel(job)).isEqualTo(JobState.Enum.CANCELLED);
  }

  @Test
  void ignoresWhatComesAfterTheEnd() throws Exception {
    String job = service.run();
    Execution execution = service.engine().next();
    execution.finish();
    execution.listener().state(JobState.Enum.RUNNING);
    execution.listener().message(MessageImportance.JOB_MESSAGE_ERROR, "too late");
    assertThat(states(job)).endsWith(JobState.Enum.DONE);
    assertThat(errors(job)).isEmpty();
  }

  @Test
  void refusesToDrainInWords() throws Exception {
    String job = service.run();
    Execution execution = service.engine().next();
    execution.refuseToDrain("only a streaming job can be drained");
    assertRefused(() -> drain(job), Status.Code.FAILED_PRECONDITION, job, "streaming");
    execution.finish();
    assertThat(drain(job)).isEqualTo(JobState.Enum.DONE);
  }

  @Test
  void drains() throws Exception {
    String job = service.run();
    assertThat(drain(job)).isEqualTo(JobState.Enum.DRAINED);
    assertThat(states(job)).endsWith(JobState.Enum.DRAINING, JobState.Enum.DRAINED);
  }

  @Test
  void tellsMetricsWhileTheJobRunsAndAfterItFailed() throws Exception {
    String job = service.run();
    Execution execution = service.engine().next();
    MonitoringInfo info =
        MonitoringInfo.newBuilder()
            .setUrn("beam:metric:user:sum_int64:v1")
            .setPayload(ByteString.copyFrom(new byte[] {5}))
            .build();
    execution.commit(info);
    assertThat(metrics(job)).containsExactly(info);
    execution.fail("no");
    assertThat(metrics(job)).containsExactly(info);
  }

  @Test
  void listsJobsAndReturnsTheirPipelines() throws Exception {
    Struct options =
        Struct.newBuilder()
            .putFields(
                "beam:option:job_name:v1", Value.newBuilder().setStringValue("Named").build())
            .build();
    String preparation =
        service
            .client()
            .prepare(
                PrepareJobRequest.newBuilder()
                    .setJobName("job")
                    .setPipeline(TestingService.PIPELINE)
                    .setPipelineOptions(options)
                    .build())
            .getPreparationId();
    assertThat(service.client().getJobs(GetJobsRequest.getDefaultInstance()).getJobInfoList())
        .isEmpty();
    String job = service.run(preparation);
    assertThat(service.engine().next().spec().options()).isEqualTo(options);
    assertThat(service.client().getJobs(GetJobsRequest.getDefaultInstance()).getJobInfoList())
        .containsExactly(
            JobInfo.newBuilder()
                .setJobId(job)
                .setJobName("Named")
                .setPipelineOptions(options)
                .setState(JobState.Enum.STARTING)
                .build());
    assertThat(pipeline(job)).isEqualTo(TestingService.PIPELINE);
  }

  @Test
  void namesNoStagingEndpointToPythonIfThereIsNothingToStage() {
    Environment python =
        Environment.newBuilder()
            .setUrn("beam:env:external:v1")
            .addCapabilities("beam:version:sdk_base:apache/beam_python3.11_sdk:2.77.0")
            .build();
    Environment go =
        python.toBuilder().setCapabilities(0, "beam:version:sdk_base:apache/beam_go_sdk").build();
    Environment staged =
        python.toBuilder().addDependencies(ArtifactInformation.getDefaultInstance()).build();
    assertThat(stagingEndpoint(python, python)).isEmpty();
    assertThat(stagingEndpoint(python, staged)).isEqualTo(service.endpoint());
    assertThat(stagingEndpoint(python, go)).isEqualTo(service.endpoint());
  }

  private String stagingEndpoint(Environment one, Environment other) {
    Pipeline.Builder pipeline = TestingService.PIPELINE.toBuilder();
    pipeline
        .getComponentsBuilder()
        .clearEnvironments()
        .putEnvironments("one", one)
        .putEnvironments("other", other);
    return service.prepare(pipeline.build()).getArtifactStagingEndpoint().getUrl();
  }

  @Test
  void describesOptionsThatPythonCanAdd() {
    List<PipelineOptionDescriptor> options =
        service
            .client()
            .describePipelineOptions(DescribePipelineOptionsRequest.getDefaultInstance())
            .getOptionsList();
    assertThat(options)
        .extracting(PipelineOptionDescriptor::getName)
        .contains("job_name", "num_workers", "min_num_workers", "max_num_workers");
    assertThat(options)
        .allSatisfy(
            option -> {
              assertThat(option.getDescription()).isNotBlank().doesNotContain("%");
              assertThat(option.getDefaultValue()).isEmpty();
              assertThat(option.getGroup()).isNotBlank();
            });
  }

  private JobState.Enum cancel(String job) {
    return service.client().cancel(CancelJobRequest.newBuilder().setJobId(job).build()).getState();
  }

  private JobState.Enum drain(String job) {
    return service.client().drain(DrainJobRequest.newBuilder().setJobId(job).build()).getState();
  }

  private List<MonitoringInfo> metrics(String job) {
    return service
        .client()
        .getJobMetrics(GetJobMetricsRequest.newBuilder().setJobId(job).build())
        .getMetrics()
        .getCommittedList();
  }

  private Pipeline pipeline(String job) {
    return service
        .client()
        .getPipeline(GetJobPipelineRequest.newBuilder().setJobId(job).build())
        .getPipeline();
  }

  private List<JobState.Enum> states(String job) {
    Iterator<JobStateEvent> events =
        service.client().getStateStream(GetJobStateRequest.newBuilder().setJobId(job).build());
    return drainStream(events).stream().map(JobStateEvent::getState).toList();
  }

  private List<String> errors(String job) {
    return drainStream(service.messages(job)).stream()
        .map(JobMessagesResponse::getMessageResponse)
        .filter(message -> message.getImportance() == MessageImportance.JOB_MESSAGE_ERROR)
        .map(JobMessage::getMessageText)
        .toList();
  }

  private static <T> List<T> drainStream(Iterator<T> stream) {
    List<T> all = new ArrayList<>();
    stream.forEachRemaining(all::add);
    return all;
  }

  private static void assertRefused(ThrowingCallable call, Status.Code code, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(code);
              assertThat(e.getStatus().getDescription()).contains(words);
            });
  }
}
