package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StartWorkerRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.ProcessPayload;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.TestingService.Counts;
import org.trestle.engine.execute.TestingService.Job;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.DockerOptions;
import org.trestle.fn.environment.EnvironmentOptions;
import org.trestle.fn.environment.EnvironmentWorkers;
import org.trestle.fn.environment.TestingPool;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.fn.server.TestingHarness;
import org.trestle.fn.server.TestingWorkers;
import org.trestle.proto.Urns;

/** Harnesses that do not come, or do not stay: each time the next job runs. */
class WorkersTest {
  private static final EnvironmentOptions SHORT =
      new EnvironmentOptions(Duration.ofSeconds(10), Duration.ofMillis(300), Duration.ofSeconds(1));

  private static final DockerOptions DOCKER = DockerOptions.of("workers-test");

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

  private static Environment process(String command) {
    return Environment.newBuilder()
        .setUrn(Urns.Environments.PROCESS)
        .setPayload(ProcessPayload.newBuilder().setCommand(command).build().toByteString())
        .build();
  }

  private TestingPool pool(TestingPool.Manner manner, TestingSdk sdk) throws Exception {
    TestingPool pool = new TestingPool(manner, sdk);
    service.workers(new EnvironmentWorkers(service.server, SHORT, DOCKER, Optional.empty()));
    return pool;
  }

  @Test
  void poolStartsAndStopsTheHarness() throws Exception {
    Counts counts = new Counts();
    try (TestingPool pool = new TestingPool(TestingPool.Manner.START, counts.sdk())) {
      service.workers(
          new EnvironmentWorkers(
              service.server, EnvironmentOptions.defaults(), DOCKER, Optional.empty()));

      service.run(in(pool.environment()));

      assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
      assertThat(pool.stopped().poll(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS))
          .isEqualTo(pool.started().element().getWorkerId());
    }
  }

  @Test
  void poolStartsTheHarnessWhenTheJobIsPrepared() throws Exception {
    Counts counts = new Counts();
    try (TestingPool pool = pool(TestingPool.Manner.START, counts.sdk())) {
      Pipeline pipeline = in(pool.environment());
      TestingService.Prepared prepared = service.prepare(pipeline);
      StartWorkerRequest started = take(pool.started());
      LogEntry hello = LogEntry.newBuilder().setMessage("hello").build();
      pool.harness(started.getWorkerId()).log(hello);

      Job job = prepared.start(pipeline);

      assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
      assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
      assertThat(job.record().logs()).containsExactly(hello);
      assertThat(take(pool.stopped())).isEqualTo(started.getWorkerId());
      assertThat(pool.started()).as("other workers").isEmpty();
      assertThatThrownBy(() -> prepared.start(pipeline))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("was started");
    }
  }

  @Test
  void poolStopsTheHarnessOfAJobThatIsNotStarted() throws Exception {
    try (TestingPool pool = pool(TestingPool.Manner.START, new TestingSdk())) {
      TestingService.Prepared prepared = service.prepare(in(pool.environment()));
      StartWorkerRequest started = take(pool.started());

      prepared.job().discard();
      prepared.job().discard();

      assertThat(take(pool.stopped())).isEqualTo(started.getWorkerId());
    }
  }

  @Test
  void poolStopsTheHarnessOfARefusedPipeline() throws Exception {
    try (TestingPool pool = pool(TestingPool.Manner.START, new TestingSdk())) {
      Pipeline.Builder broken = in(pool.environment()).toBuilder();
      broken.getComponentsBuilder().clearWindowingStrategies();

      assertThatThrownBy(() -> service.prepare(broken.build()))
          .isInstanceOf(InvalidPipelineException.class);

      assertThat(take(pool.stopped())).isEqualTo(take(pool.started()).getWorkerId());
    }
  }

  @Test
  void poolStopsTheHarnessOfAnEnvironmentWithoutStages() throws Exception {
    try (TestingPool pool = pool(TestingPool.Manner.START, new TestingSdk());
        TestingPool other = pool(TestingPool.Manner.START, new TestingSdk())) {
      Pipeline.Builder pipeline = in(pool.environment()).toBuilder();
      Components.Builder components = pipeline.getComponentsBuilder();
      components.putEnvironments("of the runner's own work", other.environment());
      Map.copyOf(components.getTransformsMap())
          .forEach(
              (id, transform) -> {
                if (transform.getSpec().getUrn().equals(Urns.Transforms.GROUP_BY_KEY)) {
                  components.putTransforms(
                      id,
                      transform.toBuilder().setEnvironmentId("of the runner's own work").build());
                }
              });

      TestingService.Prepared prepared = service.prepare(pipeline.build());

      assertThat(take(other.stopped())).isEqualTo(take(other.started()).getWorkerId());
      take(pool.started());
      assertThat(pool.stopped()).isEmpty();
      prepared.job().discard();
    }
  }

  @Test
  void harnessThatDiesBeforeItsJobStartsIsReplaced() throws Exception {
    Counts counts = new Counts();
    try (TestingPool pool = pool(TestingPool.Manner.START, counts.sdk())) {
      Pipeline pipeline = in(pool.environment());
      TestingService.Prepared prepared = service.prepare(pipeline);
      pool.harness(take(pool.started()).getWorkerId()).close();

      Job job = prepared.start(pipeline);

      assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
      assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    }
  }

  @Test
  void jobRunsWithWhatWasStagedAfterItsPreparation() throws Exception {
    Counts counts = new Counts();
    try (TestingPool pool = pool(TestingPool.Manner.START, counts.sdk())) {
      Environment staged =
          pool.environment().toBuilder()
              .addDependencies(ArtifactInformation.newBuilder().setTypeUrn("staged"))
              .build();
      Environment named =
          staged.toBuilder()
              .setDependencies(0, ArtifactInformation.newBuilder().setTypeUrn("named"))
              .build();
      TestingService.Prepared prepared = service.prepare(in(named));
      assertThat(pool.started()).as("workers that need artifacts").isEmpty();

      Job job = prepared.start(in(staged));

      assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
      assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    }
  }

  @Test
  void onlySoManyWorkersWaitForJobs() throws Exception {
    try (TestingPool pool = pool(TestingPool.Manner.START, new TestingSdk())) {
      List<TestingService.Prepared> prepared = new ArrayList<>();
      for (int i = 0; i < EarlyWorkers.MOST + 3; i++) {
        prepared.add(service.prepare(in(pool.environment())));
      }
      for (int i = 0; i < EarlyWorkers.MOST; i++) {
        take(pool.started());
      }
      prepared.forEach(one -> one.job().discard());
      service.prepare(in(pool.environment())).job().discard();
      take(pool.started());
      assertThat(pool.started()).isEmpty();
    }
  }

  private static <T> T take(BlockingQueue<T> queue) throws InterruptedException {
    T next = queue.poll(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("nothing came");
    }
    return next;
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
    service.workers(new EnvironmentWorkers(service.server, SHORT, DOCKER, Optional.empty()));

    Pipeline pipeline = in(Environment.newBuilder().setUrn("beam:env:moon:v1").build());

    assertThatThrownBy(() -> service.prepare(pipeline))
        .isInstanceOf(InvalidPipelineException.class)
        .hasMessage("environment py: unknown environment 'beam:env:moon:v1'");
  }

  @Test
  void environmentIsGoneWhenTheJobStarts() throws Exception {
    service.workers(new EnvironmentWorkers(service.server, SHORT, DOCKER, Optional.empty()));
    Path command = Files.createFile(folder.resolve("boot"));
    assertThat(command.toFile().setExecutable(true)).isTrue();
    Pipeline pipeline = in(process(command.toString()));
    TestingService.Prepared prepared = service.prepare(pipeline);
    Files.delete(command);

    assertThat(service.errorOf(prepared.start(pipeline)))
        .startsWith("environment py: ")
        .contains("no executable file '" + command + "'");
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
        .anyMatch(text -> text.startsWith("bundle of stage sum lost its worker (worker 1 of 8),"))
        .anyMatch(text -> text.startsWith("environment py: worker w-"));
  }

  @Test
  void harnessesAlwaysDie() throws Exception {
    service.harnesses(new Counts().sdk().on("sum", element -> element.bundle().harness().die()));

    Job job = service.start(Counts.pipeline());

    assertThat(service.errorOf(job))
        .startsWith("a bundle of stage sum has ended every worker it was on, 8 one after another:")
        .contains(
            "stage sum lost its worker: worker of environment py", "its control stream broke");
    assertThat(job.warnings())
        .anyMatch(
            text -> text.startsWith("bundle of stage sum lost its worker (worker 7 of 8), trying"))
        .anyMatch(text -> text.startsWith("environment py: worker w-"))
        .anyMatch(text -> text.startsWith("the bundle of stage sum that failed has 2 elements"));
  }

  /** Counts that go on when the latch says so. */
  private static TestingSdk waiting(Counts counts, CountDownLatch latch) {
    return counts
        .sdk()
        .on(
            "make",
            element -> {
              latch.await();
              Counts.make(element);
            });
  }

  @Test
  void runningJobGetsAnotherNumberOfWorkers() throws Exception {
    Counts counts = new Counts();
    CountDownLatch goOn = new CountDownLatch(1);
    TestingSdk patient = waiting(counts, goOn);
    LinkedBlockingQueue<TestingSdk> started = new LinkedBlockingQueue<>();
    TestingWorkers workers =
        new TestingWorkers(
            service.server,
            () -> {
              started.add(patient);
              return patient;
            });
    service.workers(workers);
    Job job = service.start(in(process("harness")));
    take(started);

    await(job.execution().scale(3, 4));
    take(started);
    take(started);
    await(job.execution().scale(1, 1));
    await(
        CompletableFuture.anyOf(
            workers.harnesses().stream()
                .map(TestingHarness::ended)
                .toArray(CompletableFuture<?>[]::new)));
    goOn.countDown();

    assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    assertThat(job.record().texts(MessageImportance.JOB_MESSAGE_DETAILED))
        .contains("between 3 and 4 workers are asked for", "between 1 and 1 workers are asked for")
        .anyMatch(text -> text.startsWith("environment py: 3 workers with 1 bundles at once"));
    assertRefused(job, 1, 1, IllegalStateException.class, "the job has ended");
  }

  /** Runs a job whose first workers die in its first bundle; returns all its harnesses. */
  private Queue<TestingHarness> harnessesWhenTheFirstDie(int deaths) throws Exception {
    Counts counts = new Counts();
    TestingSdk mortal = counts.sdk().on("make", element -> element.bundle().harness().die());
    AtomicInteger started = new AtomicInteger();
    TestingWorkers workers =
        new TestingWorkers(
            service.server, () -> started.incrementAndGet() <= deaths ? mortal : counts.sdk());
    service.workers(workers);
    Job job = service.start(in(process("harness")));
    assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
    return workers.harnesses();
  }

  @Test
  void poolThatLosesSomeWorkersHasOneInReserve() throws Exception {
    assertThat(harnessesWhenTheFirstDie(1)).hasSize(2);
    assertThat(harnessesWhenTheFirstDie(2)).as("with one that is not needed").hasSize(4);
  }

  @Test
  void jobIsNotScaledToWhatItCannotHave() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    try (TestingPool pool = pool(TestingPool.Manner.START, waiting(new Counts(), goOn))) {
      Job job = service.start(in(pool.environment()));

      assertRefused(job, 0, 2, IllegalArgumentException.class, "between 0 and 2 workers");
      assertRefused(job, 2, 1, IllegalArgumentException.class, "between 2 and 1 workers");
      assertRefused(job, 1, 1001, IllegalArgumentException.class, "at most 1000");
      assertRefused(job, 1, 2, IllegalStateException.class, "those of a pool of its user's");
      goOn.countDown();
      assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
    }
  }

  private static void await(CompletableFuture<?> future) throws Exception {
    future.get(TestingService.DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  private static void assertRefused(
      Job job, int min, int max, Class<? extends Exception> type, String why) {
    assertThatThrownBy(() -> await(job.execution().scale(min, max)))
        .cause()
        .isInstanceOf(type)
        .hasMessageContaining(why);
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
  void harnessThatLeavesWhenItsJobHasEndedIsNotReplaced() throws Exception {
    Counts counts = new Counts();
    try (TestingPool pool = pool(TestingPool.Manner.START, counts.sdk())) {
      JobRecord record =
          new JobRecord() {
            @Override
            public void state(JobState.Enum state) {
              super.state(state);
              if (state == JobState.Enum.DONE) {
                pool.harness(pool.started().element().getWorkerId()).close();
              }
            }
          };

      Job job = service.start(in(pool.environment()), record);

      assertThat(job.await()).isEqualTo(JobState.Enum.DONE);
      assertThat(pool.started()).hasSize(1);
      assertThat(record.texts(MessageImportance.JOB_MESSAGE_WARNING)).isEmpty();
    }
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
