package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
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
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.SchedulingPolicy;
import org.trestle.engine.metrics.MetricsAccumulator;
import org.trestle.engine.metrics.ShortIds;
import org.trestle.fn.control.RunningBundle;

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
  private static final long METRICS_DEADLINE_MILLIS = 5_000;

  /** A bundle that has been started and has not ended. */
  private static final class Running {
    final BundleWork work;
    final long startNanos = System.nanoTime();
    WorkerPool.@Nullable Lease lease;
    @Nullable SdkBundle bundle;
    @Nullable RunningBundle handle;

    Running(BundleWork work) {
      this.work = work;
    }
  }

  private final JobContext context;
  private final JobLoop loop;
  private final JobListener listener;
  private final Map<String, WorkerPool> pools = new LinkedHashMap<>();
  private final Map<BundleId, Running> running = new HashMap<>();
  private final List<CompletableFuture<?>> metricsUnderWay = new ArrayList<>();
  private final MetricsAccumulator attempted = new MetricsAccumulator();
  private final MetricsAccumulator committed = new MetricsAccumulator();
  private final ShortIds shortIds = new ShortIds();
  private final CompletableFuture<JobState.Enum> done = new CompletableFuture<>();
  private volatile @Nullable JobGraph graph;
  private @Nullable JobCore core;
  private boolean ended;
  private boolean cancelAsked;

  JobRun(JobContext context, JobListener listener) {
    this.context = context;
    this.listener = new SerialJobListener(listener);
    this.loop = new JobLoop(context.jobId(), this::broken);
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
      planned = context.plan();
    } catch (RuntimeException failure) {
      log.info("job={} cannot be planned", context.jobId(), failure);
      end(Action.Outcome.FAILED, Failures.describe(failure));
      return;
    }
    graph = planned;
    JobCore jobCore =
        new JobCore(
            planned.plan(),
            SchedulingPolicy.BATCH.withMaxAttempts(context.options().bundleAttempts()));
    core = jobCore;
    listener.state(JobState.Enum.RUNNING);
    startPools(planned);
    planned.plan().initial().forEach(planned::append);
    jobCore.slots(JobGraph.RUNNER_POOL, context.options().runnerThreads());
    jobCore.start(context.clock().getAsLong());
    pump();
  }

  private void startPools(JobGraph planned) {
    PoolEvents events = new PoolEvents();
    for (String id : planned.environmentIds()) {
      WorkerPool pool = context.pool(id, planned, loop, listener, events);
      pools.put(id, pool);
      pool.start();
    }
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
    } else if (action instanceof Action.JobEnded end) {
      end(end.outcome(), end.message());
    }
  }

  private void tick() {
    if (!ended) {
      core().tick(context.clock().getAsLong());
      pump();
    }
  }

  private void startBundle(BundleWork work) {
    Running entry = new Running(work);
    running.put(work.id(), entry);
    GroupingStage grouping = graph().grouping(work.stage());
    if (grouping != null) {
      startGrouping(entry, grouping);
      return;
    }
    SdkStageRuntime stage = graph().sdkStage(work.stage());
    WorkerPool pool = pool(stage.environmentId());
    WorkerPool.Lease lease = pool.lease();
    if (lease == null) {
      bundleEnded(entry, null, new IllegalStateException("no worker has room for a bundle"));
      return;
    }
    entry.lease = lease;
    SdkBundle bundle = new SdkBundle(stage, work, pool.hasOneWorker());
    entry.bundle = bundle;
    RunningBundle handle = lease.worker().process(bundle.request(), bundle);
    entry.handle = handle;
    var unused =
        handle
            .done()
            .thenApply(bundle::finish)
            .whenComplete(
                (outcome, failure) -> loop.execute(() -> bundleEnded(entry, outcome, failure)));
  }

  private void startGrouping(Running entry, GroupingStage stage) {
    var unused =
        CompletableFuture.supplyAsync(() -> stage.run(entry.work), context.runnerThreads())
            .whenComplete(
                (result, failure) ->
                    loop.execute(
                        () ->
                            bundleEnded(
                                entry,
                                result == null
                                    ? null
                                    : new SdkBundle.Outcome(
                                        result, ProcessBundleResponse.getDefaultInstance()),
                                failure)));
  }

  private void bundleEnded(
      Running entry, SdkBundle.@Nullable Outcome outcome, @Nullable Throwable failure) {
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

  private void commit(Running entry, SdkBundle.Outcome outcome, long nanos) {
    BundleResult result = outcome.result();
    if (entry.bundle != null) {
      entry.bundle.commit();
    }
    result.outputs().forEach(graph()::append);
    count(entry.work, result, nanos);
    WorkerPool.Lease lease = entry.lease;
    RunningBundle handle = entry.handle;
    if (lease != null && handle != null) {
      takeMetrics(lease, outcome.response());
      if (outcome.response().getRequiresFinalization()) {
        var unused =
            handle
                .finalizeBundle()
                .whenComplete((ok, failure) -> finalized(entry.work.stage(), failure));
      }
    }
    core().bundleCommitted(result);
    graph().release(entry.work);
  }

  private void finalized(StageId stage, @Nullable Throwable failure) {
    if (failure != null) {
      listener.message(
          MessageImportance.JOB_MESSAGE_WARNING,
          "bundle finalisation failed in stage " + stage + ": " + Failures.describe(failure));
    }
  }

  private void count(BundleWork work, BundleResult result, long nanos) {
    long out = 0;
    long bytes = 0;
    for (EdgeOutput output : result.outputs()) {
      boolean unkeyed = !output.blocks().isEmpty();
      for (ElementBlock block : output.blocks()) {
        out += block.count();
        bytes += block.bytes();
      }
      if (!unkeyed) {
        for (EdgeOutput.KeyGroupBlock keyed : output.keyed()) {
          out += keyed.block().count();
          bytes += keyed.block().bytes();
        }
      }
    }
    graph().figures(work.stage()).committed(work.elementCount(), out, bytes, nanos);
  }

  private void takeMetrics(WorkerPool.Lease lease, ProcessBundleResponse response) {
    if (response.getMonitoringInfosCount() > 0) {
      attempted.add(response.getMonitoringInfosList());
      committed.add(response.getMonitoringInfosList());
    } else if (response.getMonitoringDataCount() > 0) {
      CompletableFuture<?> resolved =
          shortIds
              .resolve(lease.worker(), response.getMonitoringDataMap())
              .thenAccept(
                  infos -> {
                    attempted.add(infos);
                    committed.add(infos);
                  });
      if (!resolved.isDone()) {
        metricsUnderWay.removeIf(CompletableFuture::isDone);
        metricsUnderWay.add(resolved);
      }
    }
  }

  private void bundleFailed(Running entry, Throwable failure, long nanos) {
    SdkBundle bundle = entry.bundle;
    if (bundle != null) {
      bundle.discard();
    }
    graph().figures(entry.work.stage()).failed(nanos);
    BundleFailure described =
        Failures.of(entry.work.id(), graph().figures(entry.work.stage()).status().name(), failure);
    if (described.retryable() && entry.work.attempt() < context.options().bundleAttempts()) {
      listener.message(
          MessageImportance.JOB_MESSAGE_WARNING,
          "bundle of stage %s failed (attempt %d of %d), trying again: %s"
              .formatted(
                  graph().figures(entry.work.stage()).status().name(),
                  entry.work.attempt(),
                  context.options().bundleAttempts(),
                  described.message()));
    }
    core().bundleFailed(described);
  }

  private void abandon(BundleId id) {
    Running entry = running.remove(id);
    if (entry == null) {
      return;
    }
    if (entry.handle != null) {
      entry.handle.abandon("the job gave the bundle up");
    }
    if (entry.bundle != null) {
      entry.bundle.discard();
    }
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

  private void broken(RuntimeException failure) {
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
    var unused =
        CompletableFuture.allOf(metricsUnderWay.toArray(CompletableFuture[]::new))
            .orTimeout(METRICS_DEADLINE_MILLIS, TimeUnit.MILLISECONDS)
            .whenComplete((ok, late) -> loop.execute(() -> announceEnd(outcome, message)));
  }

  private void announceEnd(Action.Outcome outcome, String message) {
    JobState.Enum state =
        switch (outcome) {
          case DONE -> JobState.Enum.DONE;
          case FAILED -> JobState.Enum.FAILED;
          case CANCELLED -> JobState.Enum.CANCELLED;
        };
    if (outcome == Action.Outcome.FAILED) {
      listener.message(MessageImportance.JOB_MESSAGE_ERROR, message);
    }
    listener.state(state);
    pools.values().forEach(WorkerPool::stop);
    JobGraph planned = graph;
    if (planned != null) {
      planned.close();
    }
    context.close();
    loop.stop();
    done.complete(state);
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
    return attempted.snapshot();
  }

  @Override
  public List<MonitoringInfo> committedMetrics() {
    return committed.snapshot();
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
