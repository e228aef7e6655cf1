package org.trestle.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import org.apache.beam.model.jobmanagement.v1.JobApi;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.SerializableMatcher;
import org.apache.beam.sdk.testing.TestPipelineOptions;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.hamcrest.BaseMatcher;
import org.hamcrest.Description;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.trestle.client.testing.TestTrestleRunner;

final class TestTrestleRunnerTest {
  private TestingJobService service;

  @BeforeEach
  void startService() throws IOException {
    service = new TestingJobService();
  }

  @AfterEach
  void stopService() {
    service.close();
  }

  private TestPipelineOptions options() {
    TrestlePipelineOptions options =
        PipelineOptionsFactory.fromArgs(
                "--runner=TestTrestleRunner",
                "--jobEndpoint=" + service.endpoint(),
                "--defaultEnvironmentType=EXTERNAL",
                "--defaultEnvironmentConfig=localhost:5")
            .as(TrestlePipelineOptions.class);
    options.setFilesToStage(List.of());
    return options.as(TestPipelineOptions.class);
  }

  private static PipelineResult runWithAssertion(PipelineOptions options) {
    Pipeline pipeline = Pipeline.create(options);
    PAssert.that(pipeline.apply(Create.of(1))).containsInAnyOrder(1);
    return pipeline.run();
  }

  private static JobApi.MetricResults succeeded(int count) {
    return JobApi.MetricResults.newBuilder()
        .addAttempted(
            MonitoringInfo.newBuilder()
                .setUrn("beam:metric:user:sum_int64:v1")
                .putLabels("NAMESPACE", PAssert.class.getName())
                .putLabels("NAME", PAssert.SUCCESS_COUNTER)
                .putLabels("PTRANSFORM", "t")
                .setPayload(ByteString.copyFrom(new byte[] {(byte) count})))
        .build();
  }

  @Test
  void flagNamesTheRunner() {
    assertThat(options().getRunner()).isEqualTo(TestTrestleRunner.class);
  }

  @Test
  void returnsWhenTheJobIsDoneAndItsAssertionsSucceeded() {
    service.metrics = succeeded(1);
    service.sending(TestingJobService.state(JobState.Enum.DONE));

    assertThat(runWithAssertion(options()).getState()).isEqualTo(PipelineResult.State.DONE);
  }

  @Test
  void assertionThatWasNeverReachedFailsTheTest() {
    service.sending(TestingJobService.state(JobState.Enum.DONE));

    assertThatThrownBy(() -> runWithAssertion(options()))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("1 assertions, of which 0 succeeded");
  }

  @Test
  void failedJobThrows() {
    service.sending(
        TestingJobService.error("java.lang.AssertionError: 1 is not 2"),
        TestingJobService.state(JobState.Enum.FAILED));

    assertThatThrownBy(() -> runWithAssertion(options()))
        .hasMessageContaining("java.lang.AssertionError: 1 is not 2");
  }

  @Test
  void jobThatIsCancelledFailsTheTest() {
    service.sending(TestingJobService.state(JobState.Enum.CANCELLED));

    assertThatThrownBy(() -> runWithAssertion(options()))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("CANCELLED");
  }

  @Test
  void jobThatTakesTooLongIsCancelled() {
    service.stayingOpen(TestingJobService.state(JobState.Enum.RUNNING));
    TestPipelineOptions options = options();
    options.setTestTimeoutSeconds(1L);

    assertThatThrownBy(() -> runWithAssertion(options))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("within 1 s");
    assertThat(service.calls).contains("Cancel");
  }

  @Test
  void matcherThatDoesNotMatchFailsTheTest() {
    service.sending(TestingJobService.state(JobState.Enum.DONE));
    TestPipelineOptions options = options();
    options.setOnSuccessMatcher(new Never());

    assertThatThrownBy(() -> Pipeline.create(options).run())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("a result that never is");
  }

  private static final class Never extends BaseMatcher<PipelineResult>
      implements SerializableMatcher<PipelineResult> {
    @Override
    public boolean matches(Object item) {
      return false;
    }

    @Override
    public void describeTo(Description description) {
      description.appendText("a result that never is");
    }
  }
}
