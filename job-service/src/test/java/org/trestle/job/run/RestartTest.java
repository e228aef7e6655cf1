package org.trestle.job.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobMetricsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobPipelineRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.GetJobsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobInfo;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingEngine;
import org.trestle.job.TestingEngine.Execution;
import org.trestle.job.TestingService;
import org.trestle.job.config.Setting;

final class RestartTest {
  @TempDir Path directory = Path.of(".");

  @Test
  void remembersFinishedJobs() throws Exception {
    MonitoringInfo info = MonitoringInfo.newBuilder().setUrn("beam:metric:user:x:v1").build();
    String job;
    List<JobMessagesResponse> before;
    String preparation;
    try (TestingService service = TestingService.start(directory)) {
      preparation = service.prepare(TestingService.PIPELINE).getPreparationId();
      job = service.run(preparation);
      Execution execution = service.engine().next();
      execution.commit(info);
      execution.listener().message(MessageImportance.JOB_MESSAGE_BASIC, "half way");
      execution.finish();
      before = all(service, job);
    }
    try (TestingService service = TestingService.start(directory)) {
      assertThat(service.state(job)).isEqualTo(JobState.Enum.DONE);
      assertThat(all(service, job)).isEqualTo(before);
      assertThat(
              service
                  .client()
                  .getJobMetrics(GetJobMetricsRequest.newBuilder().setJobId(job).build())
                  .getMetrics()
                  .getCommittedList())
          .containsExactly(info);
      assertThat(
              service
                  .client()
                  .getPipeline(GetJobPipelineRequest.newBuilder().setJobId(job).build())
                  .getPipeline())
          .isEqualTo(TestingService.PIPELINE);
      assertThatThrownBy(() -> service.run(preparation)).hasMessageContaining(job);
      service.runsAnotherJob();
    }
  }

  @Test
  void cancelsJobsWhenTheServiceStops() throws Exception {
    String job;
    Execution execution;
    try (TestingService service = TestingService.start(directory)) {
      job = service.run();
      execution = service.engine().next();
    }
    assertThat(execution.isCancelled()).isTrue();
    try (TestingService service = TestingService.start(directory)) {
      assertThat(service.state(job)).isEqualTo(JobState.Enum.CANCELLED);
    }
  }

  @Test
  void letsGoOfPreparationsWhenTheServiceStops() throws Exception {
    TestingEngine engine;
    try (TestingService service = TestingService.start(directory)) {
      engine = service.engine();
      service.prepare(TestingService.PIPELINE);
      assertThat(engine.waiting()).isOne();
    }
    assertThat(engine.waiting()).isZero();
  }

  @Test
  void failsJobsThatDoNotStopInTime() throws Exception {
    String job;
    try (TestingService service = TestingService.start(directory)) {
      service.engine().ignoreCancel();
      job = service.run();
      service.engine().next();
    }
    try (TestingService service = TestingService.start(directory)) {
      assertThat(service.state(job)).isEqualTo(JobState.Enum.FAILED);
      assertThat(all(service, job)).anyMatch(m -> text(m).equals("service stopped"));
    }
  }

  @Test
  void failsJobsThatRanWhenTheServiceDied() throws Exception {
    Path after = directory.resolve("after");
    Path before = directory.resolve("before");
    String job;
    try (TestingService service = TestingService.start(before)) {
      job = service.run();
      Execution execution = service.engine().next();
      execution.listener().state(JobState.Enum.RUNNING);
      execution.listener().message(MessageImportance.JOB_MESSAGE_BASIC, "half way");
      copy(before, after);
    }
    for (int restart = 0; restart < 2; restart++) {
      try (TestingService service = TestingService.start(after)) {
        assertThat(service.state(job)).isEqualTo(JobState.Enum.FAILED);
        List<JobMessagesResponse> messages = all(service, job);
        assertThat(messages).anyMatch(m -> text(m).equals("half way"));
        assertThat(text(messages.get(messages.size() - 2)))
            .isEqualTo("service stopped while the job ran");
        assertThat(messages.stream().filter(JobMessagesResponse::hasStateResponse)).hasSize(4);
        service.runsAnotherJob();
      }
    }
  }

  @Test
  void keepsAnEndThatTheServiceHadToldBeforeItDied() throws Exception {
    Path after = directory.resolve("after");
    Path before = directory.resolve("before");
    String job;
    List<JobMessagesResponse> told;
    try (TestingService service = TestingService.start(before)) {
      job = service.run();
      Execution execution = service.engine().next();
      execution.listener().state(JobState.Enum.RUNNING);
      Path description = before.resolve("jobs").resolve(job).resolve("job.json");
      String running = Files.readString(description);
      execution.finish();
      told = all(service, job);
      copy(before, after);
      Files.writeString(after.resolve(before.relativize(description)), running);
    }
    for (int restart = 0; restart < 2; restart++) {
      try (TestingService service = TestingService.start(after)) {
        assertThat(service.state(job)).isEqualTo(JobState.Enum.DONE);
        assertThat(all(service, job)).isEqualTo(told);
        service.runsAnotherJob();
      }
    }
  }

  @Test
  void remembersOnlyAsManyJobsAsConfigured() throws Exception {
    try (TestingService service =
        TestingService.start(directory, Map.of(Setting.JOB_RETENTION, "2"))) {
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        ids.add(service.run());
        service.engine().next().finish();
      }
      assertThat(service.client().getJobs(GetJobsRequest.getDefaultInstance()).getJobInfoList())
          .extracting(JobInfo::getJobId)
          .containsExactlyInAnyOrder(ids.get(2), ids.get(3));
      try (Stream<Path> files = Files.list(directory.resolve("jobs"))) {
        assertThat(files).hasSize(2);
      }
    }
  }

  @Test
  void leavesOutADamagedJobAndServesTheOthers() throws Exception {
    String job;
    try (TestingService service = TestingService.start(directory)) {
      job = service.run();
      service.engine().next().finish();
    }
    Path damaged = Files.createDirectories(directory.resolve("jobs/damaged"));
    Files.writeString(damaged.resolve("job.json"), "{ \"id\": ");
    try (TestingService service = TestingService.start(directory)) {
      assertThat(service.state(job)).isEqualTo(JobState.Enum.DONE);
      service.runsAnotherJob();
    }
  }

  @Test
  void isHeldByOneServiceAtATime() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      assertThatThrownBy(() -> TestingService.start(directory))
          .isInstanceOf(IOException.class)
          .hasMessageContainingAll("in use by another service", "--state-dir");
      service.runsAnotherJob();
    }
  }

  private static List<JobMessagesResponse> all(TestingService service, String job) {
    List<JobMessagesResponse> all = new ArrayList<>();
    service.messages(job).forEachRemaining(all::add);
    return all;
  }

  private static String text(JobMessagesResponse message) {
    return message.getMessageResponse().getMessageText();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }
}
