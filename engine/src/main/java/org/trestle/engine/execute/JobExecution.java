package org.trestle.engine.execute;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;

/** A started job. Safe for use by several threads; no method blocks. */
public interface JobExecution {

  /** Asks the job to stop: running bundles are given up, workers stopped. Idempotent. */
  void cancel();

  /**
   * Lets a streaming job come to its end: sources stop, windows close, and the job ends as drained.
   * Idempotent.
   *
   * @return completes when the job has begun to drain; with {@link IllegalStateException} if it is
   *     bounded, has not started to run, or ends already
   */
  CompletableFuture<Void> drain();

  /**
   * Sets how many workers the job may have in each environment, from now on.
   *
   * @return completes when the job keeps to it; with {@link IllegalArgumentException} for numbers
   *     that no job can have, with {@link IllegalStateException} if it has not started to run, ends
   *     already, or has no workers but those of a pool of the user's
   */
  CompletableFuture<Void> scale(int minWorkers, int maxWorkers);

  /** Metrics of all attempts of bundles so far. */
  List<MonitoringInfo> attemptedMetrics();

  /** Metrics of committed bundles. */
  List<MonitoringInfo> committedMetrics();

  /** The fused graph with the figures of each stage: elements, bytes, bundles, time. */
  List<StageStatus> stages();

  /** The fused graph in text, with the reason of each barrier. */
  String explain();

  /** Completes with the terminal state after all resources of the job are released. */
  CompletableFuture<JobState.Enum> done();

  /**
   * Figures of a stage.
   *
   * @param transforms unique names of the transforms in the stage
   * @param busyMillis time bundles of the stage were running, summed over bundles
   * @param profile what committed bundles spent it on
   */
  record StageStatus(
      String name,
      List<String> transforms,
      String environment,
      long elementsIn,
      long bytesIn,
      long elementsOut,
      long bytesOut,
      long bundles,
      long failedBundles,
      long busyMillis,
      Profile profile,
      boolean complete) {

    /**
     * The rest of the time bundles were running: data and messages on the wire, and what harnesses
     * do around the code of transforms.
     */
    public long wireMillis() {
      long known = profile.harnessMillis + profile.queuedMillis + profile.shuffleMillis;
      return Math.max(0, busyMillis - known);
    }
  }

  /**
   * Where the time of bundles went, summed over bundles.
   *
   * @param harnessMillis in the code of transforms, as harnesses measure it
   * @param queuedMillis waiting for a thread of the runner
   * @param shuffleMillis storing, grouping and reading elements and state, in the runner
   * @param commitMillis making what they did visible, after their end
   */
  record Profile(long harnessMillis, long queuedMillis, long shuffleMillis, long commitMillis) {
    /** Nothing was measured. */
    public static final Profile NONE = new Profile(0, 0, 0, 0);
  }
}
