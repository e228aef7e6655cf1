package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.execute.TestingSdk.numbersOf;
import static org.trestle.engine.execute.TestingSdk.pair;

import com.google.protobuf.Struct;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.execute.Engine.JobSpec;
import org.trestle.engine.graph.TestingPipeline;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.fn.server.FnServer;
import org.trestle.fn.server.FnServerOptions;
import org.trestle.fn.server.TestingHarness;
import org.trestle.fn.server.TestingWorkers;

/** An engine and a server, and jobs on them; closes what it started. */
final class TestingService implements AutoCloseable {
  static final long DEADLINE_SECONDS = 60;

  final FnServer server;
  final LocalEngine engine;
  final Path workDirectory;
  private final SwitchedWorkers workers;
  private final AtomicInteger jobs = new AtomicInteger();

  TestingService(Path workDirectory) throws IOException {
    this(
        new EngineOptions(
            64 << 20, workDirectory, 2, 1, 4, Duration.ofMillis(100), 8, Duration.ofMinutes(5)));
  }

  TestingService(EngineOptions options) throws IOException {
    server = FnServer.start(FnServerOptions.defaults());
    workDirectory = options.workDirectory();
    workers = new SwitchedWorkers(server);
    engine = new LocalEngine(options, workers, server.endpoint(), System::currentTimeMillis);
  }

  /** Starts harnesses of these scripts from now on, one script for each, the last for all more. */
  void harnesses(TestingHarness.Script... scripts) {
    AtomicInteger started = new AtomicInteger();
    workers.use(
        new TestingWorkers(
            server, () -> scripts[Math.min(started.getAndIncrement(), scripts.length - 1)]));
  }

  /** Starts workers with this factory from now on. */
  void workers(WorkerFactory factory) {
    workers.use(factory);
  }

  /** The last harness that was started by {@link #harnesses}. */
  TestingHarness lastHarness() {
    TestingWorkers factory = (TestingWorkers) workers.current;
    TestingHarness last = null;
    for (TestingHarness harness : factory.harnesses()) {
      last = harness;
    }
    return Objects.requireNonNull(last);
  }

  /** A job that was started. */
  record Job(String id, JobExecution execution, JobRecord record) {
    JobState.Enum await() throws Exception {
      return execution.done().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    List<String> warnings() {
      return record.texts(MessageImportance.JOB_MESSAGE_WARNING);
    }
  }

  Job start(Pipeline pipeline) {
    JobRecord record = new JobRecord();
    return start(pipeline, record, record);
  }

  /** Starts a job that tells this listener instead of the record. */
  Job start(Pipeline pipeline, JobListener listener) {
    return start(pipeline, listener, new JobRecord());
  }

  private Job start(Pipeline pipeline, JobListener listener, JobRecord record) {
    return prepare(pipeline).start(pipeline, listener, record);
  }

  /** A job before its start. */
  record Prepared(String id, PreparedJob job) {
    Job start(Pipeline pipeline) {
      JobRecord record = new JobRecord();
      return start(pipeline, record, record);
    }

    private Job start(Pipeline pipeline, JobListener listener, JobRecord record) {
      JobSpec spec =
          new JobSpec(
              id,
              id,
              pipeline,
              Struct.getDefaultInstance(),
              artifact -> {
                throw new IOException("no such artifact");
              });
      return new Job(id, job.start(spec, listener), record);
    }
  }

  Prepared prepare(Pipeline pipeline) {
    String id = "job-" + jobs.incrementAndGet();
    return new Prepared(id, engine.prepare(id, pipeline, Struct.getDefaultInstance()));
  }

  /** Runs a job that succeeds, and looks at what it left. */
  Job run(Pipeline pipeline) throws Exception {
    Job job = start(pipeline);
    JobState.Enum state = job.await();
    assertThat(state).as("%s", job.record().events()).isEqualTo(JobState.Enum.DONE);
    assertThat(job.record().states())
        .containsExactly(JobState.Enum.STARTING, JobState.Enum.RUNNING, JobState.Enum.DONE);
    assertThat(job.record().texts(MessageImportance.JOB_MESSAGE_ERROR)).isEmpty();
    assertThat(job.execution().stages()).allMatch(JobExecution.StageStatus::complete);
    assertReleased(job);
    return job;
  }

  /** Runs a job that fails, and returns its error message. */
  String runFailing(Pipeline pipeline) throws Exception {
    return errorOf(start(pipeline));
  }

  /** Waits for a job to fail, and returns its error message. */
  String errorOf(Job job) throws Exception {
    JobState.Enum state = job.await();
    assertThat(state).as("%s", job.record().events()).isEqualTo(JobState.Enum.FAILED);
    List<JobRecord.Event> events = job.record().events();
    assertThat(events.get(events.size() - 1).state()).isEqualTo(JobState.Enum.FAILED);
    JobRecord.Event error = events.get(events.size() - 2);
    assertThat(error.importance()).isEqualTo(MessageImportance.JOB_MESSAGE_ERROR);
    assertThat(job.record().texts(MessageImportance.JOB_MESSAGE_ERROR)).hasSize(1);
    assertReleased(job);
    return error.text();
  }

  /** Asserts that an ended job holds no memory and no files. */
  void assertReleased(Job job) {
    assertThat(engine.reservedBytes()).isZero();
    assertThat(workDirectory.resolve(job.id())).doesNotExist();
  }

  /** Runs the word count that shows that the service still works. */
  void assertNextJobSucceeds() throws Exception {
    Counts counts = new Counts();
    harnesses(counts.sdk());
    run(Counts.pipeline());
    assertThat(counts.result()).isEqualTo(Map.of("a", 3L, "b", 30L));
  }

  @Override
  public void close() throws IOException {
    engine.close();
    workers.close();
    server.close();
    try (Stream<Path> left = Files.list(workDirectory)) {
      assertThat(left).isEmpty();
    }
  }

  /** An empty pipeline whose windows are complete in all that an execution needs. */
  static TestingPipeline newPipeline() {
    return new TestingPipeline()
        .edit(
            pipeline -> {
              var components = pipeline.getComponentsBuilder();
              components.putWindowingStrategies(
                  "w",
                  components.getWindowingStrategiesOrThrow("w").toBuilder()
                      .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                      .build());
            });
  }

  /**
   * Sums two keys: {@code start} (impulse), {@code make} (four pairs), {@code group}, {@code sum},
   * and behind a barrier {@code collect}, which writes down what was committed.
   */
  static final class Counts {
    private final Map<String, List<Long>> collected = new ConcurrentHashMap<>();

    static Pipeline pipeline() {
      return newPipeline()
          .impulse("start")
          .parDo("make", "start", "kv")
          .groupByKey("group", "make", "grouped")
          .parDo("sum", "group", "kv")
          .reshuffle("apart", "sum", "kv")
          .parDo("collect", "apart", "kv")
          .build();
    }

    TestingSdk sdk() {
      return new TestingSdk()
          .on("make", Counts::make)
          .on("sum", Counts::sum)
          .on("collect", this::collect);
    }

    static void make(TestingSdk.Element element) throws Exception {
      element.emit(pair("a", 1));
      element.emit(pair("b", 10));
      element.emit(pair("a", 2));
      element.emit(pair("b", 20));
    }

    static void sum(TestingSdk.Element element) throws Exception {
      TestingSdk.Numbers group = numbersOf(element.value());
      element.emit(pair(group.key(), group.sum()));
    }

    void collect(TestingSdk.Element element) throws Exception {
      TestingSdk.Numbers pair = TestingSdk.numberOf(element.value());
      collected
          .computeIfAbsent(pair.key(), key -> new CopyOnWriteArrayList<>())
          .addAll(pair.numbers());
    }

    /** What was collected; a key that came more than once is an error. */
    Map<String, Long> result() {
      Map<String, Long> result = new HashMap<>();
      collected.forEach(
          (key, values) -> {
            assertThat(values).as(key).hasSize(1);
            result.put(key, values.get(0));
          });
      return result;
    }

    /** What was collected, all of each key. */
    Map<String, List<Long>> all() {
      return collected;
    }
  }

  /** Starts workers with the factory of the moment. */
  private static final class SwitchedWorkers implements WorkerFactory {
    private final ConcurrentLinkedQueue<WorkerFactory> used = new ConcurrentLinkedQueue<>();
    private volatile WorkerFactory current;

    SwitchedWorkers(FnServer server) {
      current = new TestingWorkers(server, TestingHarness::consume);
    }

    void use(WorkerFactory factory) {
      used.add(factory);
      current = factory;
    }

    @Override
    public Environment resolve(Environment environment) {
      return current.resolve(environment);
    }

    @Override
    public CompletableFuture<StartedWorker> start(Environment environment, WorkerSpec spec) {
      return current.start(environment, spec);
    }

    @Override
    public void close() {
      used.forEach(WorkerFactory::close);
    }
  }
}
