package org.trestle.engine.execute;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.metrics.MetricsAccumulator;
import org.trestle.engine.metrics.ShortIds;
import org.trestle.fn.control.RunningBundle;

/**
 * The metrics of a job. Committed are those of bundles that were committed; attempted are also what
 * bundles have told that still run or have failed, as far as they were asked in time.
 *
 * <p>Owned by the job's loop, but for the snapshots, which any thread may take.
 */
final class JobMetrics {
  private static final Logger log = LoggerFactory.getLogger(JobMetrics.class);

  private final JobLoop loop;
  private final long intervalNanos;
  private final ShortIds shortIds = new ShortIds();
  private final MetricsAccumulator ended = new MetricsAccumulator();
  private final MetricsAccumulator committed = new MetricsAccumulator();

  /** What bundles have told last that are not in {@link #ended} yet. */
  private final Map<BundleId, List<MonitoringInfo>> progress = new ConcurrentHashMap<>();

  /**
   * Creates the metrics of a job that has not begun.
   *
   * @param intervalNanos how long a bundle runs before it is asked
   */
  JobMetrics(JobLoop loop, long intervalNanos) {
    this.loop = loop;
    this.intervalNanos = intervalNanos;
  }

  /** Asks each bundle that has run for the interval and has answered the last question. */
  void ask(Collection<RunningWork> running) {
    long now = System.nanoTime();
    for (RunningWork entry : running) {
      if (now - entry.startNanos >= intervalNanos) {
        ask(entry);
      }
    }
  }

  /** Asks a bundle, unless it has not answered the last question. */
  void ask(RunningWork entry) {
    RunningBundle handle = entry.handle;
    WorkerPool.Lease lease = entry.lease;
    if (entry.askedForProgress || handle == null || lease == null) {
      return;
    }
    entry.askedForProgress = true;
    entry.progressAskedNanos = System.nanoTime();
    var unused =
        handle
            .progress()
            .thenCompose(answer -> resolve(lease, answer))
            .whenComplete((infos, failure) -> loop.execute(() -> answered(entry, infos, failure)));
  }

  private CompletableFuture<List<MonitoringInfo>> resolve(
      WorkerPool.Lease lease, ProcessBundleProgressResponse answer) {
    return shortIds.resolve(
        lease.worker(), answer.getMonitoringInfosList(), answer.getMonitoringDataMap());
  }

  private void answered(
      RunningWork entry, @Nullable List<MonitoringInfo> infos, @Nullable Throwable failure) {
    entry.askedForProgress = false;
    if (failure != null) {
      // A bundle that has just ended is not known any more.
      log.debug("{} told no progress: {}", entry.work.id(), Failures.describe(failure));
    } else if (infos != null && !entry.outcome.isDone() && !entry.givenUp) {
      progress.put(entry.work.id(), infos);
    }
  }

  /** What a running bundle has told last; empty if nothing yet. */
  List<MonitoringInfo> toldBy(RunningWork entry) {
    return progress.getOrDefault(entry.work.id(), List.of());
  }

  /**
   * Takes the metrics of a bundle that is committed.
   *
   * @return completes with those of the harness when all are counted
   */
  CompletableFuture<List<MonitoringInfo>> committed(RunningWork entry, SdkBundle.Outcome outcome) {
    ProcessBundleResponse response = outcome.response();
    WorkerPool.Lease lease = entry.lease;
    CompletableFuture<List<MonitoringInfo>> ofHarness =
        lease == null
            ? CompletableFuture.completedFuture(List.of())
            : shortIds.resolve(
                lease.worker(), response.getMonitoringInfosList(), response.getMonitoringDataMap());
    return ofHarness.thenApply(
        infos -> {
          for (MetricsAccumulator metrics : List.of(ended, committed)) {
            metrics.add(outcome.metrics());
            metrics.add(infos);
          }
          progress.remove(entry.work.id());
          return infos;
        });
  }

  /** Takes what a bundle has told that has failed or was given up. */
  void failed(RunningWork entry) {
    List<MonitoringInfo> last = progress.remove(entry.work.id());
    if (last != null) {
      ended.add(last);
    }
  }

  List<MonitoringInfo> attemptedSnapshot() {
    MetricsAccumulator attempted = new MetricsAccumulator();
    attempted.addAll(ended);
    progress.values().forEach(attempted::add);
    return attempted.snapshot();
  }

  List<MonitoringInfo> committedSnapshot() {
    return committed.snapshot();
  }
}
