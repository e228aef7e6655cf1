package org.trestle.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class JobFollowerTest {
  private static final JobFollower.Patience PATIENT =
      new JobFollower.Patience(Duration.ofSeconds(30), Duration.ofMillis(1));
  private static final JobFollower.Patience IMPATIENT =
      new JobFollower.Patience(Duration.ZERO, Duration.ofMillis(1));

  private TestingJobService service;
  private JobServiceClient client;

  @BeforeEach
  void startService() throws IOException {
    service = new TestingJobService();
    client = new JobServiceClient(service.endpoint(), Duration.ofSeconds(10));
  }

  @AfterEach
  void stopService() {
    client.close();
    service.close();
  }

  private JobFollower.End follow(JobFollower.Patience patience) throws Exception {
    JobFollower follower = new JobFollower(client, TestingJobService.JOB, patience);
    follower.run();
    return follower.end().get(1, TimeUnit.SECONDS);
  }

  @Test
  void opensAStreamThatBreaksAgainAndTakesNoMessageTwice() throws Exception {
    service
        .thenBreaking(Status.UNAVAILABLE, TestingJobService.error("first"))
        .thenBreaking(
            Status.INTERNAL, TestingJobService.error("first"), TestingJobService.error("second"))
        .sending(
            TestingJobService.error("first"),
            TestingJobService.error("second"),
            TestingJobService.state(JobState.Enum.FAILED));

    JobFollower.End end = follow(PATIENT);

    assertThat(end.state()).isEqualTo(JobState.Enum.FAILED);
    assertThat(end.error()).isEqualTo("second");
    assertThat(service.calls).filteredOn("GetMessageStream"::equals).hasSize(3);
  }

  @Test
  void asksForTheStateWhenTheStreamEndsWithoutIt() throws Exception {
    service.sending(TestingJobService.state(JobState.Enum.RUNNING));
    service.state = JobState.Enum.DONE;

    assertThat(follow(PATIENT).state()).isEqualTo(JobState.Enum.DONE);
  }

  @Test
  void drainedIsAnEnd() throws Exception {
    service.sending(
        TestingJobService.state(JobState.Enum.DRAINING),
        TestingJobService.state(JobState.Enum.DRAINED));

    assertThat(follow(PATIENT).state()).isEqualTo(JobState.Enum.DRAINED);
  }

  @Test
  void givesUpWhenTheServiceStaysAway() {
    service.thenBreaking(Status.UNAVAILABLE.withDescription("gone"));

    assertThatThrownBy(() -> follow(IMPATIENT))
        .hasCauseInstanceOf(JobServiceException.class)
        .hasMessageContaining("lost contact")
        .hasMessageContaining("may still run");
  }

  @Test
  void doesNotWaitForAServiceThatHasForgottenTheJob() {
    service.thenBreaking(Status.NOT_FOUND.withDescription("no such job"));

    assertThatThrownBy(() -> follow(PATIENT)).hasMessageContaining("no such job");
  }
}
