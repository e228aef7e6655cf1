package org.trestle.engine.execute;

import com.google.protobuf.Struct;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.fuse.FusedPipeline;
import org.trestle.engine.fuse.PlanText;
import org.trestle.engine.fuse.Planner;
import org.trestle.engine.fuse.SdkStage;
import org.trestle.engine.fuse.Stage;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.fn.environment.UnsupportedEnvironmentException;
import org.trestle.fn.environment.WorkerFactory;

/** The engine inside the service's own process: jobs on this machine, harnesses where they are. */
public final class LocalEngine implements Engine {
  private static final Logger logger = LoggerFactory.getLogger(LocalEngine.class);
  private static final long CLOSE_DEADLINE_SECONDS = 10;

  private final EngineOptions options;
  private final WorkerFactory workers;
  private final ApiServiceDescriptor endpoint;
  private final LongSupplier clock;
  private final MemoryBudget memory;
  private final ExecutorService runnerThreads;
  private final EarlyWorkers earlyWorkers;
  private final Set<JobRun> jobs = ConcurrentHashMap.newKeySet();
  private final HeapGuard heapGuard = new HeapGuard(() -> jobs);
  private volatile boolean closed;

  /**
   * Makes an engine that starts its harnesses with {@code workers}.
   *
   * @param workers starts harnesses; closed by its owner, after the engine
   * @param endpoint where harnesses find the Fn API's data, state and control services
   * @param clock processing time in milliseconds
   */
  public LocalEngine(
      EngineOptions options,
      WorkerFactory workers,
      ApiServiceDescriptor endpoint,
      LongSupplier clock) {
    this.options = options;
    this.workers = workers;
    this.earlyWorkers = new EarlyWorkers(workers);
    this.endpoint = endpoint;
    this.clock = clock;
    this.memory = new MemoryBudget(options.memoryBytes());
    AtomicInteger number = new AtomicInteger();
    this.runnerThreads =
        Executors.newFixedThreadPool(
            options.runnerThreads(),
            task -> {
              Thread thread = new Thread(task, "runner-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
  }

  @Override
  public List<String> check(Pipeline pipeline) {
    return Planner.problems(pipeline);
  }

  @Override
  public String explain(Pipeline pipeline) {
    return PlanText.explain(Planner.plan(pipeline, endpoint));
  }

  @Override
  public PreparedJob prepare(String jobId, Pipeline pipeline, Struct options) {
    // It connects while the pipeline is planned.
    Map<String, EarlyWorker> early = earlyWorkers.start(jobId, pipeline.getComponents(), options);
    try {
      FusedPipeline plan = Planner.plan(pipeline, endpoint);
      earlyWorkers.keep(early, resolveEnvironments(plan));
      return new Preparation(pipeline, plan, early);
    } catch (RuntimeException refused) {
      earlyWorkers.stop(early);
      throw refused;
    }
  }

  /**
   * Finds the environments of a plan.
   *
   * @throws InvalidPipelineException naming all that cannot be had here
   */
  private Set<String> resolveEnvironments(FusedPipeline plan) {
    List<String> problems = new ArrayList<>();
    Set<String> ids = new LinkedHashSet<>();
    for (Stage stage : plan.stages()) {
      if (stage instanceof SdkStage sdk) {
        ids.add(sdk.environmentId());
      }
    }
    for (String id : ids) {
      try {
        var unused = workers.resolve(plan.components().getEnvironmentsOrThrow(id));
      } catch (UnsupportedEnvironmentException unsupported) {
        problems.add("environment " + id + ": " + unsupported.getMessage());
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidPipelineException(problems);
    }
    return ids;
  }

  private final class Preparation implements PreparedJob {
    private final Pipeline pipeline;
    private final FusedPipeline plan;
    private final Map<String, EarlyWorker> early;
    private final AtomicBoolean over = new AtomicBoolean();

    Preparation(Pipeline pipeline, FusedPipeline plan, Map<String, EarlyWorker> early) {
      this.pipeline = pipeline;
      this.plan = plan;
      this.early = early;
    }

    @Override
    public JobExecution start(JobSpec job, JobListener listener) {
      if (closed || over.getAndSet(true)) {
        throw new IllegalStateException(
            closed ? "the engine is closed" : "the job was started or discarded before");
      }
      earlyWorkers.taken(early);
      return LocalEngine.this.start(
          job, job.pipeline().equals(pipeline) ? plan : null, early, listener);
    }

    @Override
    public void discard() {
      if (!over.getAndSet(true)) {
        earlyWorkers.stop(early);
      }
    }
  }

  private JobExecution start(
      JobSpec job,
      @Nullable FusedPipeline plan,
      Map<String, EarlyWorker> early,
      JobListener listener) {
    SpillFiles spill = new SpillFiles(options.workDirectory().resolve(job.jobId()));
    JobRun run =
        new JobRun(
            new JobContext(
                job,
                plan,
                options,
                workers,
                early,
                endpoint,
                memory.part(),
                runnerThreads,
                clock,
                spill,
                new LiveWorkers()),
            listener);
    jobs.add(run);
    var unused = run.done().whenComplete((state, failure) -> jobs.remove(run));
    run.start();
    return run;
  }

  /** Bytes that the jobs hold in memory now. */
  long reservedBytes() {
    return memory.reserved();
  }

  /** Cancels all jobs and waits a little, for all together, till they have let go of everything. */
  @Override
  public void close() {
    closed = true;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CLOSE_DEADLINE_SECONDS);
    List<JobRun> open = List.copyOf(jobs);
    open.forEach(JobRun::cancel);
    for (JobRun job : open) {
      try {
        job.done().get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        break;
      } catch (ExecutionException | TimeoutException late) {
        logger.warn("job={} did not end within {} s", job.jobId(), CLOSE_DEADLINE_SECONDS, late);
      }
    }
    heapGuard.close();
    runnerThreads.shutdownNow();
  }
}
