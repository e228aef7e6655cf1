package org.trestle.engine.execute;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.SchedulingPolicy;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.wire.WireFormatException;

/**
 * The bundles that run now: starts them on workers or on the runner's own threads, and takes their
 * ends, well or badly, to the core.
 *
 * <p>Owned by the job's loop. Bundles run on other threads and post their outcome to the loop; the
 * commit happens there, so that what a bundle changed becomes visible together.
 */
final class RunningBundles implements SplitRequests.Listener {
  /** How often a bundle is asked for its progress that has failed before. */
  private static final long FOLLOW_MILLIS = 100;

  /**
   * A bundle that is ending after less than this is soon over: Python's sampler has it wait for at
   * most a sixth of that. A second processor of bundles would cost more.
   */
  private static final long LONG_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final JobContext context;
  private final JobLoop loop;
  private final JobGraph graph;
  private final JobCore core;
  private final SchedulingPolicy policy;
  private final Map<String, WorkerPool> pools;
  private final JobMetrics metrics;
  private final PendingAnswers lastAnswers;
  private final PendingAnswers givenUp;
  private final Consumer<String> warnings;
  private final Runnable pump;
  private final SplitRequests splits;
  private final Checkpoints checkpoints;
  private final StuckBundles stuck;
  private final Map<BundleId, RunningWork> running = new HashMap<>();
  private boolean draining;

  /**
   * @param pools the workers of the job, by environment
   * @param lastAnswers takes answers of workers that the end of the job waits for
   * @param warnings told what people should know of
   * @param pump carries out what the core asks for after an event
   */
  RunningBundles(
      JobContext context,
      JobLoop loop,
      JobGraph graph,
      JobCore core,
      SchedulingPolicy policy,
      Map<String, WorkerPool> pools,
      JobMetrics metrics,
      PendingAnswers lastAnswers,
      Consumer<String> warnings,
      Runnable pump) {
    this.context = context;
    this.loop = loop;
    this.graph = graph;
    this.core = core;
    this.policy = policy;
    this.pools = pools;
    this.metrics = metrics;
    this.lastAnswers = lastAnswers;
    this.givenUp = new PendingAnswers(loop);
    this.warnings = warnings;
    this.pump = pump;
    this.splits = new SplitRequests(loop, this);
    this.checkpoints =
        new Checkpoints(loop, context.options().checkpointInterval().toMillis(), splits);
    this.stuck =
        new StuckBundles(loop, metrics, context.options().stuckAfter().toNanos(), warnings);
  }

  /** Starts a bundle. */
  void start(BundleWork work) {
    RunningWork entry = new RunningWork(work);
    running.put(work.id(), entry);
    RunnerStage inRunner = graph.runnerStage(work.stage());
    if (inRunner != null) {
      startInRunner(entry, inRunner);
      return;
    }
    SdkStageRuntime stage = graph.sdkStage(work.stage());
    WorkerPool pool = pool(stage);
    SdkBundle bundle = new SdkBundle(stage, work, mode(work, pool), entry.clock);
    entry.bundle = bundle;
    if (bundle.isForRunnerOnly()) {
      var nothing = ProcessBundleResponse.getDefaultInstance();
      whenDone(entry, CompletableFuture.completedFuture(nothing).thenApply(bundle::finish));
      return;
    }
    WorkerPool.Lease lease = pool.lease();
    if (lease == null) {
      bundleEnded(entry, null, new WorkerLostException("no worker is connected"));
      return;
    }
    entry.lease = lease;
    RunningBundle handle = lease.worker().process(bundle.request(), bundle);
    entry.handle = handle;
    lease.worker().sendAhead(graph.descriptorsAfter(work.stage()));
    whenDone(entry, handle.done().thenApply(bundle::finish));
    var unused = handle.ending().thenRun(() -> endingIfLong(entry, lease));
    if (work.attempts().count() > 0) {
      follow(entry);
    }
    if (graph.streaming() && stage.splittable()) {
      checkpoints.started(entry);
    }
  }

  private SdkBundle.Mode mode(BundleWork work, WorkerPool pool) {
    boolean ownClock = graph.plan().ownClock();
    long processingTime = work.processingTime();
    return new SdkBundle.Mode(
        pool.hasOneWorker(),
        draining,
        ownClock ? () -> processingTime - context.clock().getAsLong() : () -> 0);
  }

  /**
   * Asks a bundle to leave the rest of its work to others.
   *
   * @param keep which part of the rest it should keep, in [0, 1)
   */
  void split(BundleId id, double keep) {
    RunningWork entry = running.get(id);
    if (entry == null || draining) {
      core.splitRefused(id);
    } else {
      splits.ask(entry, keep);
    }
  }

  @Override
  public void answered(RunningWork entry, double keep, ProcessBundleSplitResponse response) {
    SdkBundle bundle = entry.bundle;
    RunningBundle handle = entry.handle;
    if (bundle == null || handle == null || !running.containsKey(entry.work.id())) {
      return;
    }
    SdkBundle.Split split;
    try {
      split = bundle.split(response, keep > 0);
    } catch (WireFormatException malformed) {
      handle.abandon(Failures.describe(malformed));
      return;
    }
    core.tick(context.clock().getAsLong());
    if (split == null) {
      core.splitRefused(entry.work.id());
    } else {
      core.bundleSplit(entry.work.id(), split.uncommitted(), split.residuals());
      entry.work = entry.work.withElements(split.primary());
      entry.continuations = split.continuations();
      graph.release(split.replaced());
    }
    pump.run();
  }

  @Override
  public void refused(RunningWork entry) {
    core.splitRefused(entry.work.id());
    pump.run();
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
                    SplitRequests.afterSplit(entry, () -> bundleEnded(entry, outcome, failure));
                  });
            });
  }

  private void endingIfLong(RunningWork entry, WorkerPool.Lease lease) {
    if (System.nanoTime() - entry.startNanos >= LONG_NANOS) {
      loop.execute(() -> ending(entry, lease));
    }
  }

  private void ending(RunningWork entry, WorkerPool.Lease lease) {
    if (running.containsKey(entry.work.id())) {
      core.tick(context.clock().getAsLong());
      pool(graph.sdkStage(entry.work.stage())).ending(lease);
      core.bundleEnding(entry.work.id());
      pump.run();
    }
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
    core.tick(context.clock().getAsLong());
    long nanos = System.nanoTime() - entry.startNanos;
    WorkerPool.Lease lease = entry.lease;
    if (lease != null) {
      pool(graph.sdkStage(entry.work.stage())).release(lease, failure == null);
    }
    if (outcome == null || failure != null) {
      bundleFailed(
          entry, failure == null ? new IllegalStateException("no result") : failure, nanos);
    } else {
      commit(entry, outcome, nanos);
    }
    pump.run();
  }

  private void commit(RunningWork entry, SdkBundle.Outcome outcome, long nanos) {
    BundleResult result = outcome.result().with(entry.continuations);
    StageFigures figures = graph.figures(entry.work.stage());
    long begun = System.nanoTime();
    if (entry.bundle != null) {
      entry.bundle.commit();
    }
    result.outputs().forEach(graph::append);
    figures.committed(entry.work, result, nanos, entry.clock);
    lastAnswers.add(metrics.committed(entry, outcome).thenAccept(figures::harness));
    RunningBundle handle = entry.handle;
    if (handle != null && outcome.response().getRequiresFinalization()) {
      lastAnswers.add(
          handle
              .finalizeBundle()
              .whenComplete(
                  (ok, failure) -> loop.execute(() -> finalized(entry.work.stage(), failure))));
    }
    core.bundleCommitted(result);
    graph.release(entry.work);
    figures.commitTook(System.nanoTime() - begun);
  }

  private void finalized(StageId stage, @Nullable Throwable failure) {
    if (failure != null) {
      warnings.accept(
          "bundle finalisation failed in stage "
              + graph.figures(stage).status().name()
              + ": "
              + Failures.describe(failure));
    }
  }

  private void bundleFailed(RunningWork entry, Throwable failure, long nanos) {
    SdkBundle bundle = entry.bundle;
    if (bundle != null) {
      bundle.discard();
    }
    graph.figures(entry.work.stage()).failed(nanos);
    OptionalLong reached = ReadIndex.of(metrics.toldBy(entry));
    metrics.failed(entry);
    RuntimeException problem = bundle == null ? null : bundle.problem();
    BundleFailure described =
        Failures.of(entry.work.id(), stageName(entry.work), problem == null ? failure : problem);
    if (graph.runnerStage(entry.work.stage()) != null) {
      // It has changed what it keeps: the same work again would count twice.
      described = new BundleFailure(described.id(), Cause.RUNNER, described.message());
    }
    Retries retries = new Retries(policy, stageName(entry.work), entry.work.attempts());
    if (retries.follow(described)) {
      warnings.accept(retries.warning(described));
    } else {
      if (bundle != null) {
        ElementSample.report(stageName(entry.work), entry.work, reached).ifPresent(warnings);
      }
      described = retries.last(described);
    }
    core.bundleFailed(described);
  }

  /** Gives a bundle up; one that is not running is ignored. */
  void abandon(BundleId id) {
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
    givenUp.add(
        bundle == null
            ? entry.outcome
            : entry.outcome.whenComplete((outcome, failure) -> bundle.discard()));
    if (entry.lease != null) {
      pool(graph.sdkStage(entry.work.stage())).release(entry.lease, false);
    }
  }

  /** Asks bundles for their progress, from now on till the job ends. */
  void watch() {
    loop.schedule(
        () -> {
          if (!core.isEnded()) {
            metrics.ask(running.values());
            stuck.look(running.values(), entry -> stageName(entry.work));
            watch();
          }
        },
        context.options().checkpointInterval().toMillis());
  }

  /** Asks a bundle that has failed before often for its progress: where it fails is of interest. */
  private void follow(RunningWork entry) {
    loop.schedule(
        () -> {
          if (running.containsKey(entry.work.id())) {
            metrics.ask(entry);
            follow(entry);
          }
        },
        FOLLOW_MILLIS);
  }

  private String stageName(BundleWork work) {
    return graph.figures(work.stage()).status().name();
  }

  /** Gives all bundles up. */
  void abandonAll() {
    List.copyOf(running.keySet()).forEach(this::abandon);
  }

  /** Makes running bundles give back restrictions, and truncates those of bundles to come. */
  void drain() {
    draining = true;
    for (RunningWork entry : List.copyOf(running.values())) {
      if (entry.bundle != null && graph.sdkStage(entry.work.stage()).splittable()) {
        checkpoints.request(entry);
      }
    }
  }

  /** Runs a task on the loop when no thread works on a bundle that was given up, or in the end. */
  void whenReleased(long deadlineMillis, Runnable task) {
    givenUp.whenAll(deadlineMillis, task);
  }

  private WorkerPool pool(SdkStageRuntime stage) {
    String environmentId = stage.environmentId();
    WorkerPool pool = pools.get(environmentId);
    if (pool == null) {
      throw new IllegalStateException("no worker pool for environment " + environmentId);
    }
    return pool;
  }
}
