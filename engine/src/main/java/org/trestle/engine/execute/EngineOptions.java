package org.trestle.engine.execute;

import java.nio.file.Path;
import java.time.Duration;

/**
 * Limits of an engine.
 *
 * @param memoryBytes what all jobs together may hold in memory as elements and state before they
 *     spill to disk
 * @param workDirectory where jobs put their spill files; each job its own folder, removed at its
 *     end
 * @param runnerThreads threads for the runner's own stages, of all jobs together
 * @param workersPerEnvironment how many harnesses a job may start for an environment whose SDK runs
 *     one bundle at a time well
 * @param bundleAttempts how often the same work is tried before the job fails
 * @param checkpointInterval how long a bundle of an unbounded source may go on before it is made to
 *     give out what it has; bounds the latency of sources that never stop by themselves; running
 *     bundles are asked for their progress as often
 * @param keyGroups how many groups keys are hashed to: the unit of parallelism of keyed stages
 * @param stuckAfter how long a bundle may make no progress before the job says so
 */
public record EngineOptions(
    long memoryBytes,
    Path workDirectory,
    int runnerThreads,
    int workersPerEnvironment,
    int bundleAttempts,
    Duration checkpointInterval,
    int keyGroups,
    Duration stuckAfter) {

  /** What a service holds in a heap of any size, beside what grows with its jobs. */
  private static final long SERVICE_BYTES = 32L << 20;

  /** The defaults for this machine. */
  public static EngineOptions defaults(Path workDirectory) {
    int processors = Runtime.getRuntime().availableProcessors();
    return new EngineOptions(
        memoryBytesOf(Runtime.getRuntime().maxMemory()),
        workDirectory,
        processors,
        processors,
        4,
        Duration.ofSeconds(1),
        32,
        Duration.ofMinutes(5));
  }

  /**
   * How many bytes of a heap are for jobs: half of it, less than what a service needs at any size,
   * and no less than a quarter.
   */
  static long memoryBytesOf(long heapBytes) {
    return Math.max(heapBytes / 2 - SERVICE_BYTES, heapBytes / 4);
  }

  /** The same with another interval between the checkpoints of an unbounded source. */
  public EngineOptions withCheckpointInterval(Duration interval) {
    return new EngineOptions(
        memoryBytes,
        workDirectory,
        runnerThreads,
        workersPerEnvironment,
        bundleAttempts,
        interval,
        keyGroups,
        stuckAfter);
  }

  /** The same with another memory limit. */
  public EngineOptions withMemoryBytes(long bytes) {
    return new EngineOptions(
        bytes,
        workDirectory,
        runnerThreads,
        workersPerEnvironment,
        bundleAttempts,
        checkpointInterval,
        keyGroups,
        stuckAfter);
  }

  /** The same with another time after which a bundle counts as stuck. */
  public EngineOptions withStuckAfter(Duration time) {
    return new EngineOptions(
        memoryBytes,
        workDirectory,
        runnerThreads,
        workersPerEnvironment,
        bundleAttempts,
        checkpointInterval,
        keyGroups,
        time);
  }
}
