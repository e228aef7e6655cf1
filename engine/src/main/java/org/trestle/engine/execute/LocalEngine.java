package org.trestle.engine.execute;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.fuse.PlanText;
import org.trestle.engine.fuse.Planner;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
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
  private final Set<JobRun> jobs = ConcurrentHashMap.newKeySet();
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
  public JobExecution start(JobSpec job, JobListener listener) {
    if (closed) {
      throw new IllegalStateException("the engine is closed");
    }
    SpillFiles spill = new SpillFiles(options.workDirectory().resolve(job.jobId()));
    JobRun run =
        new JobRun(
            new JobContext(
                job,
                options,
                workers,
                endpoint,
                memory,
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
    runnerThreads.shutdownNow();
  }
}
