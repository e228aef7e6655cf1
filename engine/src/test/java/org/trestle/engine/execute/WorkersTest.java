package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.engine.execute.TestingService.Job;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.EnvironmentOptions;
import org.trestle.fn.environment.EnvironmentWorkers;
import org.trestle.fn.environment.TestingPool;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.fn.server.TestingHarness;
import org.trestle.fn.server.TestingWorkers;

/** Harnesses that do not come, or do not stay: each time the next job runs. */
class WorkersTest {
  private static final EnvironmentOptions SHORT =
      new EnvironmentOptions(Duration.ofSeconds(10), Duration.ofMillis(300), Duration.ofSeconds(1));

  @TempDir Path folder;
  private TestingService service;

  @BeforeEach
  void start() throws Exception {
    service = new TestingService(folder);
  }

  @AfterEach
  void theNextJobSucceeds() throws Exception {
    try (TestingService toClose = service) {
      toClose.assertNextJobSucceeds();
    }
  }

  private static Pipeline in(Environment environment) {
    Pipeline.Builder pipeline = Counts.pipeline().toBuilder();
    pipeline.getComponentsBuilder().putEnvironments("py", environment);
    return pipeline.build();
  }

  private TestingPool pool(TestingPool.Manner manner, TestingSdk sdk) throws Exception {
    TestingPool pool = new TestingPool(manner, sdk);
    service.workers(new EnvironmentWorkers(service.server, SHORT));
    return pool;
  }

  @Test
  void poolStartsAndStopsTheHarness() throws Exception {
    Counts counts = new Counts();
    try (TestingPool pool = new TestingPool(TestingPool.Manner.START, counts.sdk())) {
      service.workers(new EnvironmentWorkers(service.server, EnvironmentOptions.defaults()));

      service.run(in(pool.environment()));

      assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
      assertThat(pool.stopped().poll(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS))
          .isEqualTo(pool.started().element().getWorkerId());
    }
  }

  @Test
  void harnessNeverConnects() throws Exception {
    try (TestingPool pool = pool(TestingPool.Manner.PRETEND, new TestingSdk())) {
      Job job = service.start(in(pool.environment()));

      assertThat(service.errorOf(job))
          .startsWith(
              "environment py is given up after 3 failures of its workers in a row, the last:"
                  + " worker pool at localhost:")
          .contains("did not connect to " + service.server.endpoint().getUrl());
      assertThat(job.warnings())
          .hasSize(2)
          .allMatch(text -> text.startsWith("environment py: worker pool at localhost:"))
          .allMatch(text -> text.endsWith("; starting another worker"));
      assertThat(pool.started()).hasSize(3);
    }
  }

  @Test
  void poolRefusesToStartTheHarness() throws Exception {
    try (TestingPool pool = pool(TestingPool.Manner.REFUSE, new TestingSdk())) {
      assertThat(service.runFailing(in(pool.environment())))
          .contains("environment py is given up", "refused to start a worker: no room");
    }
  }

  @Test
  void environmentIsOfAnUnknownKind() throws Exception {
    service.workers(new EnvironmentWorkers(service.server, SHORT));

    assertThat(service.runFailing(in(Environment.newBuilder().setUrn("beam:env:moon:v1").build())))
        .startsWith("environment py: ")
        .contains("beam:env:moon:v1");
  }

  @Test
  void harnessDiesOnceInTheMiddleOfABundle() throws Exception {
    Counts counts = new Counts();
    TestingSdk mortal =
        counts
            .sdk()
            .on(
                "sum",
                element -> {
                  Counts.sum(element);
                  element.flush();
                  element.bundle().harness().die();
                });
    service.harnesses(mortal, counts.sdk());

    Job job = service.run(Counts.pipeline());

    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    // Which of a dead harness's streams is seen to break first is up to the network.
    assertThat(job.warnings())
        .anyMatch(text -> text.startsWith("bundle of stage sum failed (attempt 1 of 4),"))
        .anyMatch(text -> text.startsWith("environment py: worker w-"));
  }

  @Test
  void harnessesAlwaysDie() throws Exception {
    service.harnesses(new Counts().sdk().on("sum", element -> element.bundle().harness().die()));

    Job job = service.start(Counts.pipeline());

    assertThat(service.errorOf(job))
        .startsWith("environment py is given up after 3 failures of its workers in a row,")
        .contains("the last: worker w-", "is lost: its control stream broke");
    assertThat(job.warnings()).anyMatch(text -> text.startsWith("bundle of stage sum failed"));
  }

  @Test
  void harnessThatLeavesIsReplaced() throws Exception {
    Counts counts = new Counts();
    TestingHarness.Script leaving =
        bundle -> {
          bundle.neverRespond();
          bundle.harness().close();
        };
    service.harnesses(leaving, counts.sdk());

    service.run(Counts.pipeline());

    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
  }

  @Test
  void workerThatComesAfterTheEndOfItsJobIsStopped() throws Exception {
    LateWorkers late = new LateWorkers(new TestingWorkers(service.server, TestingSdk::new));
    service.workers(late);
    Job job = service.start(Counts.pipeline());
    CompletableFuture<WorkerFactory.StartedWorker> start =
        late.asked.poll(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS);
    job.execution().cancel();
    assertThat(job.await()).isEqualTo(JobState.Enum.CANCELLED);

    late.arrive(start);

    TestingHarness harness = late.real.harnesses().element();
    assertThat(harness.ended().get(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS).isOk())
        .isTrue();
  }

  /** Starts harnesses at once, and lets nobody know until told. */
  private static final class LateWorkers implements WorkerFactory {
    private final TestingWorkers real;
    private final LinkedBlockingQueue<CompletableFuture<StartedWorker>> asked =
        new LinkedBlockingQueue<>();
    private volatile CompletableFuture<StartedWorker> started = new CompletableFuture<>();

    LateWorkers(TestingWorkers real) {
      this.real = real;
    }

    void arrive(CompletableFuture<StartedWorker> start) throws Exception {
      start.complete(started.get(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS));
    }

    @Override
    public Environment resolve(Environment environment) {
      return environment;
    }

    @Override
    public CompletableFuture<StartedWorker> start(Environment environment, WorkerSpec spec) {
      started = real.start(environment, spec);
      CompletableFuture<StartedWorker> start = new CompletableFuture<>();
      asked.add(start);
      return start;
    }

    @Override
    public void close() {
      real.close();
    }
  }
}
