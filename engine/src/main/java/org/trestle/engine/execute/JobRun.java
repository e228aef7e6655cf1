package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.SchedulingPolicy;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.environment.UnsupportedEnvironmentException;

/**
 * A job on its way: turns the core's actions into bundles on workers, and their ends into the
 * core's events.
 *
 * <p>All fields are owned by the job's loop, except those that say otherwise. Bundles run on other
 * threads and post their outcome to the loop; the commit happens there, so that what a bundle
 * changed becomes visible together.
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
  private final Map<BundleId, RunningWork> running = new HashMap<>();
  private final List<CompletableFuture<?>> lastAnswers = new ArrayList<>();
  private final List<CompletableFuture<?>> givenUp = new ArrayList<>();
  private final long intervalMillis;
  private final JobMetrics metrics;
  private final CompletableFuture<JobState.Enum> done = new CompletableFuture<>();
  private final Checkpoints checkpoints;
  private volatile @Nullable JobGraph graph;
  private @Nullable JobCore core;
  private int maxAttempts;
  private boolean ended;
  private boolean announced;
  private boolean cancelAsked;
  private boolean draining;

  JobRun(JobContext context, JobListener listener) {
    this.context = context;
    this.jobOptions = JobOptions.from(context.job().options());
    this.listener = new SerialJobListener(listener);
    this.loop = new JobLoop(context.jobId(), this::broken);
    this.intervalMillis = context.options().checkpointInterval().toMillis();
    this.metrics = new JobMetrics(loop, TimeUnit.MILLISECONDS.toNanos(intervalMillis));
    this.checkpoints = new Checkpoints(loop, intervalMillis, this::split);
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
    SchedulingPolicy policy = policy(planned);
    maxAttempts = policy.maxAttempts();
    JobCore jobCore = new JobCore(planned.plan(), policy);
    core = jobCore;
    listener.state(JobState.Enum.RUNNING);
    pools.values().forEach(WorkerPool::start);
    planned.gates().listener((stage, failure) -> loop.execute(() -> gateMoved(stage, failure)));
    planned.plan().initial().forEach(planned::append);
    jobCore.slots(JobGraph.RUNNER_POOL, context.options().runnerThreads());
    loop.schedule(this::askForProgress, intervalMillis);
    jobCore.start(context.clock().getAsLong());
    if (jobOptions.drainAtStart()) {
      draining = true;
      jobCore.drain();
    }
    pump();
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
      JobCore jobCore = core;
      if (jobCore != null && !ended) {
        jobCore.slots(environmentId, slots);
        pump();
      }
    }

    @Override
    public void warning(String text) {
      listener.message(MessageImportance.JOB_MESSAGE_WARNING, text);
    }

    @Override
    public void failed(String message) {
      end(Action.Outcome.FAILED, message);
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
      startBundle(start.work());
    } else if (action instanceof Action.AbandonBundle abandon) {
      abandon(abandon.bundle());
    } else if (action instanceof Action.EdgeComplete complete) {
      graph().edgeComplete(complete.edge());
    } else if (action instanceof Action.WakeAt wake) {
      long delay = Math.max(1, wake.processingTime() - context.clock().getAsLong());
      loop.schedule(this::tick, delay);
    } else if (action instanceof Action.NextTestStreamEvent next) {
      askTestStream(next.testStream());
    } else if (action instanceof Action.JobEnded end) {
      end(end.outcome(), end.message());
    }
  }

  private void askTestStream(String id) {
    var unused =
        graph()
            .testStream(id)
            .next()
            .whenComplete(
                (event, failure) ->
                    loop.execute(
                        () -> {
                          if (failure == null) {
                            answer(id, event);
                          } else {
                            end(Action.Outcome.FAILED, Failures.describe(failure));
                          }
                        }));
  }

  private void answer(String id, Optional<TestStreamEvent> event) {
    if (ended) {
      return;
    }
    if (event.isEmpty()) {
      core().testStreamEnded(id);
    } else {
      if (event.get() instanceof TestStreamEvent.Elements elements) {
        graph().append(elements.output());
      }
      core().testStreamEvent(id, event.get());
    }
    pump();
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

  private void askForProgress() {
    if (!ended) {
      metrics.ask(running.values());
      loop.schedule(this::askForProgress, intervalMillis);
    }
  }

  private void tick() {
    if (!ended) {
      core().tick(context.clock().getAsLong());
      pump();
    }
  }

  private void startBundle(BundleWork work) {
    RunningWork entry = new RunningWork(work);
    running.put(work.id(), entry);
    RunnerStage inRunner = graph().runnerStage(work.stage());
    if (inRunner != null) {
      startInRunner(entry, inRunner);
      return;
    }
    SdkStageRuntime stage = graph().sdkStage(work.stage());
    WorkerPool pool = pool(stage.environmentId());
    SdkBundle bundle = new SdkBundle(stage, work, mode(work, pool), entry.clock);
    entry.bundle = bundle;
    if (bundle.isForRunnerOnly()) {
      var nothing = ProcessBundleResponse.getDefaultInstance();
      whenDone(entry, CompletableFuture.completedFuture(nothing).thenApply(bundle::finish));
      return;
    }
    WorkerPool.Lease lease = pool.lease();
    if (lease == null) {
      bundleEnded(entry, null, new IllegalStateException("no worker has room for a bundle"));
      return;
    }
    entry.lease = lease;
    RunningBundle handle = lease.worker().process(bundle.request(), bundle);
    entry.handle = handle;
    whenDone(entry, handle.done().thenApply(bundle::finish));
    if (graph().streaming() && stage.splittable()) {
      checkpoints.started(entry);
    }
  }

  private SdkBundle.Mode mode(BundleWork work, WorkerPool pool) {
    boolean ownClock = graph().plan().ownClock();
    long processingTime = work.processingTime();
    return new SdkBundle.Mode(
        pool.hasOneWorker(),
        draining,
        ownClock ? () -> processingTime - context.clock().getAsLong() : () -> 0);
  }

  /** A running bundle has given back part of its work. */
  private void split(RunningWork entry, ProcessBundleSplitResponse response) {
    SdkBundle bundle = entry.bundle;
    if (ended || bundle == null || !running.containsKey(entry.work.id())) {
      return;
    }
    SdkBundle.Split split = bundle.split(response);
    if (split == null) {
      return;
    }
    core().bundleSplit(entry.work.id(), split.primary(), split.residuals());
    entry.work = entry.work.withElements(split.primary());
    graph().release(split.replaced());
    pump();
  }

  private void whenDone(RunningWork entry, CompletableFuture<SdkBundle.Outcome> result) {
    entry.outcome = result;
    var unused =
        result.whenComplete(
            (outcome, failure) -> {
              long ended = System.nanoTime();
              loop.execute(
                  () -> {
                    entry.clock.queuedSince(ended);
                    Checkpoints.afterSplit(entry, () -> bundleEnded(entry, outcome, failure));
                  });
            });
  }

  private void startInRunner(RunningWork entry, RunnerStage stage) {
    whenDone(
        entry,
        CompletableFuture.supplyAsync(
            () -> {
              entry.clock.queuedSince(entry.startNanos);
              long begun = System.nanoTime();
              RunnerStage.Output output = stage.run(entry.work, () -> entry.givenUp);
              entry.clock.shuffledSince(begun);
              return new SdkBundle.Outcome(
                  output.result(), ProcessBundleResponse.getDefaultInstance(), output.metrics());
            },
            context.runnerThreads()));
  }

  private void bundleEnded(
      RunningWork entry, SdkBundle.@Nullable Outcome outcome, @Nullable Throwable failure) {
    if (running.remove(entry.work.id()) == null) {
      return; // abandoned meanwhile
    }
    long nanos = System.nanoTime() - entry.startNanos;
    WorkerPool.Lease lease = entry.lease;
    if (lease != null) {
      pool(graph().sdkStage(entry.work.stage()).environmentId()).release(lease, failure == null);
    }
    if (outcome == null || failure != null) {
      bundleFailed(
          entry, failure == null ? new IllegalStateException("no result") : failure, nanos);
    } else {
      commit(entry, outcome, nanos);
    }
    if (!ended) {
      pump();
    }
  }

  private void commit(RunningWork entry, SdkBundle.Outcome outcome, long nanos) {
    BundleResult result = outcome.result();
    StageFigures figures = graph().figures(entry.work.stage());
    long begun = System.nanoTime();
    if (entry.bundle != null) {
      entry.bundle.commit();
    }
    result.outputs().forEach(graph()::append);
    figures.committed(entry.work, result, nanos, entry.clock);
    awaitBeforeEnd(metrics.committed(entry, outcome).thenAccept(figures::harness));
    RunningBundle handle = entry.handle;
    if (handle != null && outcome.response().getRequiresFinalization()) {
      awaitBeforeEnd(
          handle
              .finalizeBundle()
              .whenComplete(
                  (ok, failure) -> loop.execute(() -> finalized(entry.work.stage(), failure))));
    }
    core().bundleCommitted(result);
    graph().release(entry.work);
    figures.commitTook(System.nanoTime() - begun);
  }

  private void finalized(StageId stage, @Nullable Throwable failure) {
    if (failure != null && !announced) {
      listener.message(
          MessageImportance.JOB_MESSAGE_WARNING,
          "bundle finalisation failed in stage "
              + graph().figures(stage).status().name()
              + ": "
              + Failures.describe(failure));
    }
  }

  private void awaitBeforeEnd(CompletableFuture<?> answer) {
    if (!answer.isDone()) {
      lastAnswers.removeIf(CompletableFuture::isDone);
      lastAnswers.add(answer);
    }
  }

  private void bundleFailed(RunningWork entry, Throwable failure, long nanos) {
    SdkBundle bundle = entry.bundle;
    if (bundle != null) {
      bundle.discard();
    }
    graph().figures(entry.work.stage()).failed(nanos);
    metrics.failed(entry);
    RuntimeException problem = bundle == null ? null : bundle.problem();
    BundleFailure described =
        Failures.of(
            entry.work.id(),
            graph().figures(entry.work.stage()).status().name(),
            problem == null ? failure : problem);
    if (graph().runnerStage(entry.work.stage()) != null) {
      // It has changed what it keeps: the same work again would count twice.
      described = new BundleFailure(described.id(), false, described.message());
    }
    if (described.retryable() && entry.work.attempt() < maxAttempts) {
      listener.message(
          MessageImportance.JOB_MESSAGE_WARNING,
          "bundle of stage %s failed (attempt %d%s), trying again: %s"
              .formatted(
                  graph().figures(entry.work.stage()).status().name(),
                  entry.work.attempt(),
                  maxAttempts == SchedulingPolicy.NO_LIMIT ? "" : " of " + maxAttempts,
                  described.message()));
    }
    core().bundleFailed(described);
  }

  private void abandon(BundleId id) {
    RunningWork entry = running.remove(id);
    if (entry == null) {
      return;
    }
    entry.givenUp = true;
    metrics.failed(entry);
    if (entry.handle != null) {
      entry.handle.abandon("the job gave the bundle up");
    }
    SdkBundle bundle = entry.bundle;
    givenUp.removeIf(CompletableFuture::isDone);
    givenUp.add(
        bundle == null
            ? entry.outcome
            : entry.outcome.whenComplete((outcome, failure) -> bundle.discard()));
    if (entry.lease != null) {
      pool(graph().sdkStage(entry.work.stage()).environmentId()).release(entry.lease, false);
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
          if (core == null) {
            end(Action.Outcome.CANCELLED, "cancelled before it ran");
          } else {
            core().cancel();
            pump();
          }
        });
  }

  @Override
  public CompletableFuture<Void> drain() {
    CompletableFuture<Void> accepted = new CompletableFuture<>();
    loop.execute(
        () -> {
          if (ended || cancelAsked) {
            accepted.completeExceptionally(
                new IllegalStateException("the job ends already, it cannot be drained"));
          } else if (core == null || !graph().streaming()) {
            accepted.completeExceptionally(
                new IllegalStateException(
                    "only a running streaming job can be drained; let a bounded one come to its end,"
                        + " or cancel it"));
          } else {
            startDraining();
            accepted.complete(null);
          }
        });
    var unused =
        done.whenComplete(
            (state, failure) ->
                accepted.completeExceptionally(new IllegalStateException("the job has ended")));
    return accepted;
  }

  private void startDraining() {
    if (draining) {
      return;
    }
    draining = true;
    listener.state(JobState.Enum.DRAINING);
    for (RunningWork entry : List.copyOf(running.values())) {
      SdkBundle bundle = entry.bundle;
      if (bundle != null && graph().sdkStage(entry.work.stage()).splittable()) {
        checkpoints.request(entry);
      }
    }
    core().drain();
    pump();
  }

  private void broken(Throwable failure) {
    log.error("job={} broke an invariant of the engine", context.jobId(), failure);
    String dump = core == null ? "" : "\n" + core.dump();
    end(Action.Outcome.FAILED, "internal error: " + Failures.describe(failure) + dump);
  }

  private void end(Action.Outcome outcome, String message) {
    if (ended) {
      return;
    }
    ended = true;
    List.copyOf(running.keySet()).forEach(this::abandon);
    if (outcome == Action.Outcome.CANCELLED) {
      lastAnswers.clear();
    } else {
      // The clients stop reading, and may end, once they are told of the job's end.
      pools.values().forEach(pool -> pool.logsArrived().forEach(this::awaitBeforeEnd));
    }
    if (outcome == Action.Outcome.DONE || outcome == Action.Outcome.DRAINED) {
      graph().allComplete();
    }
    whenAll(lastAnswers, LAST_ANSWERS_MILLIS, () -> announceEnd(outcome, message));
  }

  /** Runs a task on the loop when all is done, well or not, or when the deadline has passed. */
  private void whenAll(List<CompletableFuture<?>> futures, long deadlineMillis, Runnable task) {
    var unused =
        CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new))
            .orTimeout(deadlineMillis, TimeUnit.MILLISECONDS)
            .whenComplete((ok, failure) -> loop.execute(task));
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
    whenAll(givenUp, RELEASE_MILLIS, () -> release(state));
  }

  /** Frees what the job holds; no thread uses it any more. */
  private void release(JobState.Enum state) {
    JobGraph planned = graph;
    try (context) {
      if (planned != null) {
        planned.close();
      }
    } catch (RuntimeException failure) {
      log.warn("job={} could not release all it held", context.jobId(), failure);
    } finally {
      loop.stop();
      done.complete(state);
    }
  }

  private JobCore core() {
    JobCore jobCore = core;
    if (jobCore == null) {
      throw new IllegalStateException("the job has not been planned");
    }
    return jobCore;
  }

  private JobGraph graph() {
    JobGraph planned = graph;
    if (planned == null) {
      throw new IllegalStateException("the job has not been planned");
    }
    return planned;
  }

  private WorkerPool pool(String environmentId) {
    WorkerPool pool = pools.get(environmentId);
    if (pool == null) {
      throw new IllegalStateException("no worker pool for environment " + environmentId);
    }
    return pool;
  }

  String jobId() {
    return context.jobId();
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
