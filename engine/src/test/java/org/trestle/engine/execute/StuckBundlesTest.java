package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.engine.execute.TestingService.Job;
import org.trestle.fn.server.TestingHarness;
import org.trestle.proto.Urns;

/** Bundles that stand still, and harnesses that do not even answer. */
class StuckBundlesTest {
  @TempDir Path folder;
  private TestingService service;
  private final LinkedBlockingQueue<String> warnings = new LinkedBlockingQueue<>();

  @BeforeEach
  void start() throws Exception {
    service =
        new TestingService(
            new EngineOptions(
                64 << 20, folder, 2, 1, 4, Duration.ofMillis(50), 8, Duration.ofSeconds(1)));
  }

  @AfterEach
  void close() throws Exception {
    service.close();
  }

  private Job startJob() {
    JobRecord record = new JobRecord();
    return service.start(
        Counts.pipeline(),
        new JobListener() {
          @Override
          public void state(JobState.Enum state) {
            record.state(state);
          }

          @Override
          public void message(MessageImportance importance, String text) {
            record.message(importance, text);
            if (importance == MessageImportance.JOB_MESSAGE_WARNING) {
              warnings.add(text);
            }
          }

          @Override
          public void log(String workerId, LogEntry entry) {
            record.log(workerId, entry);
          }
        });
  }

  /** The next warning that has this text. */
  private @Nullable String warning(String part) throws InterruptedException {
    String next;
    do {
      next = warnings.poll(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS);
    } while (next != null && !next.contains(part));
    return next;
  }

  private static MonitoringInfo elements(int count) {
    return MonitoringInfo.newBuilder()
        .setUrn(Urns.of(MonitoringInfoSpecs.Enum.ELEMENT_COUNT))
        .setType("beam:metrics:sum_int64:v1")
        .putLabels("PCOLLECTION", "make")
        .setPayload(ByteString.copyFrom(new byte[] {(byte) count}))
        .build();
  }

  /** Waits in the first bundle; its harness tells what comes for progress. */
  private TestingHarness.Script waiting(
      Counts counts, CountDownLatch goOn, Supplier<@Nullable MonitoringInfo> progress) {
    TestingSdk sdk =
        counts
            .sdk()
            .on(
                "make",
                element -> {
                  goOn.await();
                  Counts.make(element);
                });
    return bundle -> {
      bundle
          .harness()
          .answerInstructions(
              answer -> {
                if (!answer.hasProcessBundleProgress()) {
                  return answer;
                }
                MonitoringInfo told = progress.get();
                return told == null
                    ? null
                    : answer.toBuilder()
                        .setProcessBundleProgress(
                            ProcessBundleProgressResponse.newBuilder().addMonitoringInfos(told))
                        .build();
              });
      sdk.run(bundle);
    };
  }

  @Test
  void bundleThatStandsStillIsNamed() throws Exception {
    Counts counts = new Counts();
    CountDownLatch goOn = new CountDownLatch(1);
    service.harnesses(waiting(counts, goOn, () -> elements(7)));

    Job job = startJob();
    String notice = warning("has made no progress");
    goOn.countDown();

    assertThat(notice)
        .startsWith("a bundle of stage make (attempt ")
        .contains("1 elements) has made no progress for 1 s on worker w-")
        .contains("its threads are not known");
    assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
  }

  @Test
  void workerThatDoesNotAnswerIsReplaced() throws Exception {
    Counts counts = new Counts();
    CountDownLatch never = new CountDownLatch(1);
    service.harnesses(waiting(counts, never, () -> null), counts.sdk());

    Job job = startJob();

    assertThat(warning("it has not answered for")).isNotNull();
    assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    never.countDown();
  }
}
