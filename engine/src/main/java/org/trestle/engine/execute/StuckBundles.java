package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.control.SdkWorker;
import org.trestle.proto.Urns;

/**
 * Watches bundles that run for long. One whose counts of elements stand still is told of, with its
 * stage, its worker, and what the worker says of its threads; a worker that does not even answer is
 * given up. Owned by the job's loop.
 */
final class StuckBundles {
  /** A report is as long as the harness likes; of its end less is missed than of its beginning. */
  private static final int MOST_REPORT_CHARS = 40_000;

  /** Metrics that move when elements do. */
  private static final Set<String> PROGRESS =
      Set.of(
          Urns.of(MonitoringInfoSpecs.Enum.ELEMENT_COUNT),
          Urns.of(MonitoringInfoSpecs.Enum.DATA_CHANNEL_READ_INDEX),
          Urns.of(MonitoringInfoSpecs.Enum.WORK_REMAINING),
          Urns.of(MonitoringInfoSpecs.Enum.WORK_COMPLETED));

  /** What is known of a bundle. */
  private static final class Watched {
    private List<MonitoringInfo> told = List.of();
    private Map<MonitoringInfo, ByteString> progress = Map.of();
    private long movedNanos;
    private long nextNoticeNanos;

    private Watched(long startNanos, long firstNoticeNanos) {
      this.movedNanos = startNanos;
      this.nextNoticeNanos = firstNoticeNanos;
    }
  }

  private final JobLoop loop;
  private final JobMetrics metrics;
  private final long afterNanos;
  private final Consumer<String> warnings;
  private final Map<RunningWork, Watched> watched = new HashMap<>();

  /**
   * @param metrics asks the bundles for their progress
   * @param afterNanos how long a bundle may stand still before people hear of it
   * @param warnings told of bundles
   */
  StuckBundles(JobLoop loop, JobMetrics metrics, long afterNanos, Consumer<String> warnings) {
    this.loop = loop;
    this.metrics = metrics;
    this.afterNanos = afterNanos;
    this.warnings = warnings;
  }

  /**
   * Looks at the bundles that run.
   *
   * @param stageNames names a bundle's stage
   */
  void look(Collection<RunningWork> running, Function<RunningWork, String> stageNames) {
    long now = System.nanoTime();
    watched.keySet().retainAll(running);
    for (RunningWork entry : running) {
      WorkerPool.Lease lease = entry.lease;
      if (lease == null || now - entry.startNanos < afterNanos / 2) {
        continue;
      }
      Watched state =
          watched.computeIfAbsent(
              entry, added -> new Watched(entry.startNanos, entry.startNanos + afterNanos));
      if (entry.askedForProgress && now - entry.progressAskedNanos > deadlineNanos()) {
        lease.worker().release("it has not answered for %d s".formatted(seconds(deadlineNanos())));
      } else if (!hasMoved(entry, state, now) && now - state.nextNoticeNanos >= 0) {
        tell(entry, lease.worker(), state, stageNames.apply(entry), now);
      }
    }
  }

  /** How long an answer may take: less than what the server gives it, which then forgets it. */
  private long deadlineNanos() {
    return afterNanos / 5 * 4;
  }

  /** Whether the counts are other ones than before. */
  private boolean hasMoved(RunningWork entry, Watched state, long now) {
    List<MonitoringInfo> told = metrics.toldBy(entry);
    if (told == state.told) {
      return false;
    }
    boolean first = state.told.isEmpty();
    state.told = told;
    Map<MonitoringInfo, ByteString> progress = moving(told);
    if (progress.equals(state.progress)) {
      return false;
    }
    state.progress = progress;
    if (!first) {
      state.movedNanos = now;
      state.nextNoticeNanos = now + afterNanos;
    }
    return !first;
  }

  private static Map<MonitoringInfo, ByteString> moving(List<MonitoringInfo> infos) {
    Map<MonitoringInfo, ByteString> moving = new HashMap<>();
    for (MonitoringInfo info : infos) {
      if (PROGRESS.contains(info.getUrn())) {
        moving.put(info.toBuilder().clearPayload().clearStartTime().build(), info.getPayload());
      }
    }
    return moving;
  }

  private void tell(RunningWork entry, SdkWorker worker, Watched state, String stage, long now) {
    long still = now - state.movedNanos;
    state.nextNoticeNanos = now + still;
    var unused =
        worker
            .statusReport()
            .whenComplete(
                (report, failure) ->
                    loop.execute(() -> notice(worker, entry, stage, still, report, failure)));
  }

  private void notice(
      SdkWorker worker,
      RunningWork entry,
      String stage,
      long stillNanos,
      @Nullable String report,
      @Nullable Throwable failure) {
    if (!watched.containsKey(entry)) {
      return; // it has ended meanwhile
    }
    String details =
        report == null
            ? "; its threads are not known: "
                + (failure == null ? "no report" : Failures.describe(failure))
            : "; the worker reports:\n" + tail(report);
    warnings.accept(
        "a bundle of stage %s (attempt %d, %d elements) has made no progress for %d s on worker %s%s"
            .formatted(
                stage,
                entry.work.attempt(),
                entry.work.elementCount(),
                seconds(stillNanos),
                worker.id(),
                details));
  }

  private static String tail(String report) {
    return report.substring(Math.max(0, report.length() - MOST_REPORT_CHARS));
  }

  private static long seconds(long nanos) {
    return TimeUnit.NANOSECONDS.toSeconds(nanos);
  }
}
