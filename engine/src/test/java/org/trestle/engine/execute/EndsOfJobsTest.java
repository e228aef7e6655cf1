package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.trestle.engine.execute.TestingSdk.numbersOf;
import static org.trestle.engine.execute.TestingSdk.pair;
import static org.trestle.engine.execute.TestingService.DEADLINE_SECONDS;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.engine.execute.TestingService.Job;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.graph.TestingPipeline;
import org.trestle.fn.server.TestingHarness;

/** Jobs that are cancelled, cannot begin, or have little memory. */
class EndsOfJobsTest {
  @TempDir Path folder;
  private TestingService service;

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void stop() throws Exception {
    service.close();
  }

  /** Hangs in bundles that have the transform. */
  private static TestingHarness.Script hanging(String transform, CountDownLatch reached) {
    TestingSdk sdk = new Counts().sdk();
    return bundle -> {
      if (bundle.descriptor().containsTransforms(transform)) {
        bundle.neverRespond();
        reached.countDown();
      } else {
        sdk.run(bundle);
      }
    };
  }

  private static void await(CountDownLatch latch) throws Exception {
    assertThat(latch.await(DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void cancelGivesUpTheRunningBundle() throws Exception {
    CountDownLatch reached = new CountDownLatch(1);
    service.harnesses(hanging("sum", reached));
    Job job = service.start(Counts.pipeline());
    await(reached);

    job.execution().cancel();
    job.execution().cancel();

    assertThat(job.await()).isEqualTo(JobState.Enum.CANCELLED);
    assertThat(job.record().states())
        .containsExactly(
            JobState.Enum.STARTING,
            JobState.Enum.RUNNING,
            JobState.Enum.CANCELLING,
            JobState.Enum.CANCELLED);
    assertThat(job.record().texts(MessageImportance.JOB_MESSAGE_ERROR)).isEmpty();
    service.assertReleased(job);
    assertThat(service.lastHarness().ended().get(DEADLINE_SECONDS, TimeUnit.SECONDS).isOk())
        .isTrue();
    job.execution().cancel();
    assertThat(job.record().states()).hasSize(4);
    service.assertNextJobSucceeds();
  }

  @Test
  void cancelBeforeAWorkerHasComeEndsTheJob() throws Exception {
    service.harnesses(TestingHarness.consume());
    Job job = service.start(Counts.pipeline());

    job.execution().cancel();

    assertThat(job.await()).isEqualTo(JobState.Enum.CANCELLED);
    service.assertReleased(job);
    service.assertNextJobSucceeds();
  }

  @Test
  void closingTheEngineCancelsItsJobs() throws Exception {
    CountDownLatch reached = new CountDownLatch(2);
    service.harnesses(hanging("sum", reached));
    List<Job> jobs = List.of(service.start(Counts.pipeline()), service.start(Counts.pipeline()));
    await(reached);

    service.engine.close();

    for (Job job : jobs) {
      assertThat(job.execution().done()).isCompletedWithValue(JobState.Enum.CANCELLED);
      service.assertReleased(job);
    }
    assertThatThrownBy(() -> service.start(Counts.pipeline()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the engine is closed");
  }

  @Test
  void jobsRunSideBySide() throws Exception {
    CountDownLatch reached = new CountDownLatch(1);
    service.harnesses(hanging("sum", reached));
    Job hanging = service.start(Counts.pipeline());
    await(reached);

    Counts counts = new Counts();
    service.harnesses(counts.sdk());
    Job other = service.start(Counts.pipeline());

    assertThat(other.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    hanging.execution().cancel();
    assertThat(hanging.await()).isEqualTo(JobState.Enum.CANCELLED);
    service.assertReleased(hanging);
  }

  @Test
  void pipelineThatCannotBePlannedIsRefusedWithAllItsProblems() throws Exception {
    Pipeline pipeline =
        new TestingPipeline()
            .impulse("start")
            .parDo("make", "start", "no such coder")
            .parDo("lost", "nowhere", "kv")
            .build();

    List<String> problems = service.engine.check(pipeline);

    assertThat(problems)
        .hasSizeGreaterThanOrEqualTo(2)
        .anyMatch(problem -> problem.contains("no such coder"))
        .anyMatch(problem -> problem.contains("nowhere"));
    assertThatThrownBy(() -> service.start(pipeline))
        .isInstanceOfSatisfying(
            InvalidPipelineException.class,
            refused -> assertThat(refused.problems()).isEqualTo(problems));
    service.assertNextJobSucceeds();
  }

  @Test
  void goodPipelineHasNoProblems() {
    assertThat(service.engine.check(Counts.pipeline())).isEmpty();
    assertThat(service.engine.explain(Counts.pipeline())).contains("make", "group", "sum");
  }

  @Test
  void listenerThatThrowsDoesNotHarmItsJob() throws Exception {
    Counts counts = new Counts();
    service.harnesses(counts.sdk());
    JobListener throwing =
        new JobListener() {
          @Override
          public void state(JobState.Enum state) {
            throw new IllegalStateException("listener of a test");
          }

          @Override
          public void message(MessageImportance importance, String text) {}

          @Override
          public void log(String workerId, LogEntry entry) {}
        };
    Job job = service.start(Counts.pipeline(), throwing);

    assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(counts.result()).hasSize(2);
    service.assertReleased(job);
  }

  @Test
  void littleMemoryGivesTheSameResult() throws Exception {
    service.close();
    service =
        new TestingService(
            new EngineOptions(
                64 << 10, folder, 2, 1, 4, Duration.ofMillis(100), 8, Duration.ofMinutes(5)));
    int keys = 5_000;
    int perKey = 40;
    Counts counts = new Counts();
    service.harnesses(
        counts
            .sdk()
            .on(
                "make",
                element -> {
                  for (int i = 0; i < keys * perKey; i++) {
                    element.emit(pair("key-" + i % keys, i));
                    element.emit(pair("the hot key", 1L << 50));
                  }
                })
            .on(
                "sum",
                element -> {
                  var group = numbersOf(element.value());
                  element.emit(pair(group.key(), group.sum()));
                  element.emit(pair("size of " + group.key(), group.numbers().size()));
                }));

    Job job = service.run(Counts.pipeline());

    Map<String, Long> result = counts.result();
    assertThat(result).hasSize(2 * (keys + 1));
    assertThat(result.get("size of the hot key")).isEqualTo((long) keys * perKey);
    for (int key = 0; key < keys; key++) {
      long sum = 0;
      for (int i = 0; i < perKey; i++) {
        sum += key + (long) i * keys;
      }
      assertThat(result.get("key-" + key)).isEqualTo(sum);
      assertThat(result.get("size of key-" + key)).isEqualTo(perKey);
    }
    assertThat(job.execution().stages().get(0).bytesOut()).isGreaterThan(4 << 20);
  }

  @Test
  void aFullDiskEndsTheJobAndNotTheService() throws Exception {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full));
    service.close();
    service =
        new TestingService(
            new EngineOptions(
                0, folder, 2, 1, 4, Duration.ofMillis(100), 8, Duration.ofMinutes(5)));
    service.harnesses(new Counts().sdk());
    Path directory = Files.createDirectory(folder.resolve("job-1"));
    Files.createSymbolicLink(directory.resolve("spill-1.bin"), full);

    String error = service.runFailing(Counts.pipeline());

    assertThat(error)
        .contains("bytes of spilled data in directory " + directory)
        .contains("No space left on device");
    service.assertNextJobSucceeds();
  }
}
