package org.trestle.engine.execute;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.scale.PoolLimits;
import org.trestle.engine.core.scale.PoolSize;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.SchedulingPolicy;
import org.trestle.fn.environment.UnsupportedEnvironmentException;

/**
 * A job on its way: turns the core's actions into bundles on workers, and their ends into the
 * core's events.
 *
 * <p>All fields are owned by the job's loop, except those that say otherwise.
 */
final class JobRun implements JobExecution {
  private static final Logger log = LoggerFactory.getLogger(JobRun.class);

  /** How long the end of a job waits for answers about bundles that were committed. */
  private static final long LAST_ANSWERS_MILLIS = 10_000;

  /**
   * How long a client has to hear of the job's end before the workers are stopped: one in the same
   * process (LOOPBACK) would keep it from listening.
   */
  private static final long CLIENT_FIRST_MILLIS = 10;

  /** How long the resources of a job wait for threads that still use them. */
  private static final long RELEASE_MILLIS = 30_000;

  private final JobContext context;
  private final JobLoop loop;
  private final JobOptions jobOptions;
  private final JobListener listener;
  private final Map<String, WorkerPool> pools = new LinkedHashMap<>();
  private final PendingAnswers lastAnswers;
  private final JobMetrics metrics;
  private final CompletableFuture<JobState.Enum> done = new CompletableFuture<>();
  private volatile @Nullable JobGraph graph;
  private @Nullable Parts parts;
  private @Nullable CoreMemory coreMemory;
  private boolean ended;
  private boolean announced;
  private boolean cancelAsked;
  private boolean draining;

  /** What a job has from the moment it is planned. */
  private record Parts(JobCore core, RunningBundles bundles, TestStreamFeed testStreams) {}

  JobRun(JobContext context, JobListener listener) {
    this.context = context;
    this.jobOptions = JobOptions.from(context.job().options());
    this.listener = new SerialJobListener(listener);
    this.loop = new JobLoop(context.jobId(), this::broken);
    this.lastAnswers = new PendingAnswers(loop);
    this.metrics = new JobMetrics(loop, context.options().checkpointInterval().toNanos());
  }

  /** Starts the job; returns at once. */
  void start() {
    loop.execute(this::begin);
  }

  private void begin() {
    if (ended) {
      return;
    }
    listener.state(JobState.Enum.STARTING);
    JobGraph planned;
    try {
      planned = context.graph();
    } catch (RuntimeException failure) {
      log.info("job={} cannot be planned", context.jobId(), failure);
      end(Action.Outcome.FAILED, Failures.describe(failure));
      return;
    }
    graph = planned;
    if (!makePools(planned)) {
      return;
    }
    SchedulingPolicy policy = policy(planned).within(context.memory().limit());
    JobCore jobCore = new JobCore(planned.plan(), policy);
    parts = parts(planned, jobCore, policy);
    listener.state(JobState.Enum.RUNNING);
    pools.values().forEach(WorkerPool::start);
    planned.gates().listener((stage, failure) -> loop.execute(() -> gateMoved(stage, failure)));
    planned.plan().initial().forEach(planned::append);
    jobCore.slots(JobGraph.RUNNER_POOL, context.options().runnerThreads());
    parts().bundles().watch();
    jobCore.start(context.clock().getAsLong());
    if (jobOptions.drainAtStart()) {
      drain(parts());
    }
    CoreMemory memory = new CoreMemory(jobCore, context.memory());
    coreMemory = memory;
    new LoadWatch(loop, jobCore, pools, memory, this::pump).start();
    pump();
  }

  private Parts parts(JobGraph planned, JobCore jobCore, SchedulingPolicy policy) {
    return new Parts(
        jobCore,
        new RunningBundles(
            context,
            loop,
            planned,
            jobCore,
            policy,
            pools,
            metrics,
            lastAnswers,
            this::warn,
            this::pump),
        new TestStreamFeed(
            loop,
            planned,
            jobCore,
            this::pump,
            failure -> end(Action.Outcome.FAILED, Failures.describe(failure))));
  }

  private SchedulingPolicy policy(JobGraph planned) {
    int attempts = context.options().bundleAttempts();
    if (!planned.streaming()) {
      return SchedulingPolicy.BATCH.withMaxAttempts(attempts);
    }
    // A test wants to know that it fails; a live job goes on when its trouble is over.
    boolean test = !planned.plan().testStreams().isEmpty();
    return test ? SchedulingPolicy.STREAMING.withMaxAttempts(attempts) : SchedulingPolicy.STREAMING;
  }

  private @Nullable ProcessBundleDescriptor descriptor(String id) {
    JobGraph planned = graph;
    return planned == null ? null : planned.descriptor(id);
  }

  private boolean makePools(JobGraph planned) {
    PoolEvents events = new PoolEvents();
    for (String id : planned.environmentIds()) {
      try {
        pools.put(id, context.pool(id, this::descriptor, loop, listener, events));
      } catch (UnsupportedEnvironmentException unsupported) {
        end(Action.Outcome.FAILED, "environment " + id + ": " + unsupported.getMessage());
        return false;
      }
    }
    return true;
  }

  private final class PoolEvents implements WorkerPool.Listener {
    @Override
    public void slotsChanged(String environmentId, int slots) {
      if (parts != null && !ended) {
        core().slots(environmentId, slots);
        pump();
      }
    }

    @Override
    public void resized(String environmentId, int workersBefore, int bundlesBefore, PoolSize size) {
      listener.message(
          MessageImportance.JOB_MESSAGE_DETAILED,
          "environment %s: %s (before: %s), because %s"
              .formatted(
                  environmentId,
                  sizeText(size.workers(), size.bundles()),
                  sizeText(workersBefore, bundlesBefore),
                  size.reason()));
    }

    private String sizeText(int workers, int bundles) {
      return "%d workers with %d bundles at once".formatted(workers, bundles);
    }

    @Override
    public void warning(String text) {
      warn(text);
    }

    @Override
    public void failed(String message) {
      end(Action.Outcome.FAILED, message);
    }
  }

  /** Tells people of something; nobody listens any more when the end has been announced. */
  private void warn(String text) {
    if (!announced) {
      listener.message(MessageImportance.JOB_MESSAGE_WARNING, text);
    }
  }

  /** Carries out what the core asks for. */
  private void pump() {
    JobCore jobCore = core();
    while (!ended) {
      List<Action> actions = jobCore.drainActions();
      if (actions.isEmpty()) {
        return;
      }
      for (Action action : actions) {
        perform(action);
      }
    }
  }

  private void perform(Action action) {
    if (ended) {
      return;
    }
    if (action instanceof Action.StartBundle start) {
      parts().bundles().start(start.work());
    } else if (action instanceof Action.SplitBundle split) {
      parts().bundles().split(split.bundle(), split.keep());
    } else if (action instanceof Action.ResizePool resize) {
      resize(resize);
    } else if (action instanceof Action.AbandonBundle abandon) {
      parts().bundles().abandon(abandon.bundle());
    } else if (action instanceof Action.EdgeComplete complete) {
      graph().edgeComplete(complete.edge());
    } else if (action instanceof Action.WakeAt wake) {
      long delay = Math.max(1, wake.processingTime() - context.clock().getAsLong());
      loop.schedule(this::tick, delay);
    } else if (action instanceof Action.NextTestStreamEvent next) {
      parts().testStreams().ask(next.testStream());
    } else if (action instanceof Action.JobEnded end) {
      end(end.outcome(), end.message());
    }
  }

  private void resize(Action.ResizePool resize) {
    WorkerPool pool = pools.get(resize.pool());
    if (pool != null) {
      pool.resize(resize.size());
    }
  }

  private void gateMoved(StageId stage, @Nullable Throwable failure) {
    if (ended) {
      return;
    }
    if (failure == null) {
      core().gateMoved(stage);
      pump();
    } else {
      end(Action.Outcome.FAILED, Failures.describe(failure));
    }
  }

  private void tick() {
    if (!ended) {
      core().tick(context.clock().getAsLong());
      pump();
    }
  }

  @Override
  public void cancel() {
    loop.execute(
        () -> {
          if (ended || cancelAsked) {
            return;
          }
          cancelAsked = true;
          listener.state(JobState.Enum.CANCELLING);
          if (parts == null) {
            end(Action.Outcome.CANCELLED, "cancelled before it ran");
          } else {
            core().cancel();
            pump();
          }
        });
  }

  @Override
  public CompletableFuture<Void> drain() {
    return whileRunning(
        "drained",
        () -> {
          if (parts == null || !graph().streaming()) {
            return "only a running streaming job can be drained; let a bounded one come to its end,"
                + " or cancel it";
          }
          startDraining();
          return null;
        });
  }

  @Override
  public CompletableFuture<Void> scale(int minWorkers, int maxWorkers) {
    if (minWorkers < 1 || maxWorkers < minWorkers || maxWorkers > ScalingOptions.MOST_WORKERS) {
      return CompletableFuture.failedFuture(
          new IllegalArgumentException(
              "a job cannot have between %d and %d workers; at least 1, at most %d"
                  .formatted(minWorkers, maxWorkers, ScalingOptions.MOST_WORKERS)));
    }
    return whileRunning("scaled", () -> scaled(minWorkers, maxWorkers));
  }

  /** Scales the job; or says why it cannot. */
  private @Nullable String scaled(int minWorkers, int maxWorkers) {
    if (parts == null) {
      return "only a running job can be scaled";
    }
    List<WorkerPool> scalable = pools.values().stream().filter(WorkerPool::isScalable).toList();
    if (scalable.isEmpty()) {
      return "its workers are those of a pool of its user's, which decides itself how many there are";
    }
    listener.message(
        MessageImportance.JOB_MESSAGE_DETAILED,
        "between %d and %d workers are asked for".formatted(minWorkers, maxWorkers));
    for (WorkerPool pool : scalable) {
      PoolLimits limits = pool.limits().withWorkers(minWorkers, maxWorkers);
      pool.limit(limits);
      core().limit(pool.environmentId(), limits);
    }
    pump();
    return null;
  }

  /**
   * Takes a step on the loop, unless the job ends.
   *
   * @param what the step does with the job, as a participle
   * @param step returns null, or why it cannot be taken
   */
  private CompletableFuture<Void> whileRunning(String what, Supplier<@Nullable String> step) {
    CompletableFuture<Void> accepted = new CompletableFuture<>();
    loop.execute(
        () -> {
          String refusal =
              ended || cancelAsked ? "the job ends already, it cannot be " + what : step.get();
          if (refusal == null) {
            accepted.complete(null);
          } else {
            accepted.completeExceptionally(new IllegalStateException(refusal));
          }
        });
    var unused =
        done.whenComplete(
            (state, failure) ->
                accepted.completeExceptionally(new IllegalStateException("the job has ended")));
    return accepted;
  }

  private void drain(Parts running) {
    draining = true;
    running.bundles().drain();
    running.core().drain();
  }

  private void startDraining() {
    if (draining) {
      return;
    }
    listener.state(JobState.Enum.DRAINING);
    drain(parts());
    pump();
  }

  private void broken(Throwable failure) {
    if (failure instanceof OutOfMemoryError) {
      log.error("job={} is ended: the heap is full", context.jobId(), failure);
      end(Action.Outcome.FAILED, HeapGuard.reason(heldBytes()));
      return;
    }
    log.error("job={} broke an invariant of the engine", context.jobId(), failure);
    String dump = parts == null ? "" : "\n" + core().dump();
    end(Action.Outcome.FAILED, "internal error: " + Failures.describe(failure) + dump);
  }

  private void end(Action.Outcome outcome, String message) {
    if (ended) {
      return;
    }
    ended = true;
    pools.values().forEach(WorkerPool::jobEnded);
    if (parts != null) {
      parts.bundles().abandonAll();
    }
    if (outcome == Action.Outcome.CANCELLED) {
      lastAnswers.clear();
    } else {
      // The clients stop reading, and may end, once they are told of the job's end.
      pools.values().forEach(pool -> pool.logsArrived().forEach(lastAnswers::add));
    }
    if (outcome == Action.Outcome.DONE || outcome == Action.Outcome.DRAINED) {
      graph().allComplete();
    }
    lastAnswers.whenAll(LAST_ANSWERS_MILLIS, () -> announceEnd(outcome, message));
  }

  private void announceEnd(Action.Outcome outcome, String message) {
    JobState.Enum state =
        switch (outcome) {
          case DONE -> JobState.Enum.DONE;
          // A job that was to be drained from the start has done all that was asked of it.
          case DRAINED -> jobOptions.drainAtStart() ? JobState.Enum.DONE : JobState.Enum.DRAINED;
          case FAILED -> JobState.Enum.FAILED;
          case CANCELLED -> JobState.Enum.CANCELLED;
        };
    if (outcome == Action.Outcome.FAILED) {
      listener.message(MessageImportance.JOB_MESSAGE_ERROR, message);
    }
    listener.state(state);
    announced = true;
    loop.schedule(() -> stopWorkers(state), CLIENT_FIRST_MILLIS);
  }

  private void stopWorkers(JobState.Enum state) {
    pools.values().forEach(WorkerPool::stop);
    if (parts == null) {
      release(state);
    } else {
      parts.bundles().whenReleased(RELEASE_MILLIS, () -> release(state));
    }
  }

  /** Frees what the job holds; no thread uses it any more. */
  private void release(JobState.Enum state) {
    JobGraph planned = graph;
    try (context) {
      if (coreMemory != null) {
        coreMemory.close();
      }
      if (planned != null) {
        planned.close();
      }
    } catch (RuntimeException failure) {
      log.warn("job={} could not release all it held", context.jobId(), failure);
      context.memory().abandon();
    } finally {
      loop.stop();
      done.complete(state);
    }
  }

  private JobCore core() {
    return parts().core();
  }

  private JobGraph graph() {
    JobGraph planned = graph;
    if (planned == null) {
      throw new IllegalStateException("the job has not been planned");
    }
    return planned;
  }

  private Parts parts() {
    Parts planned = parts;
    if (planned == null) {
      throw new IllegalStateException("the job has not been planned");
    }
    return planned;
  }

  String jobId() {
    return context.jobId();
  }

  /** Bytes of memory that the job holds, about. */
  long heldBytes() {
    return context.memory().reserved();
  }

  /** Ends the job, for a reason that is none of its bundles'. */
  void fail(String message) {
    loop.execute(() -> end(Action.Outcome.FAILED, message));
  }

  @Override
  public List<MonitoringInfo> attemptedMetrics() {
    return metrics.attemptedSnapshot();
  }

  @Override
  public List<MonitoringInfo> committedMetrics() {
    return metrics.committedSnapshot();
  }

  @Override
  public List<StageStatus> stages() {
    JobGraph planned = graph;
    return planned == null ? List.of() : planned.statuses();
  }

  @Override
  public String explain() {
    JobGraph planned = graph;
    return planned == null ? "the job has not been planned yet" : planned.explain();
  }

  @Override
  public CompletableFuture<JobState.Enum> done() {
    return done.copy();
  }
}
