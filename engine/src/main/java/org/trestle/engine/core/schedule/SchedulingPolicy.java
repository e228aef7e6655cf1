package org.trestle.engine.core.schedule;

import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleFailure;

/**
 * How the core decides.
 *
 * @param maxAttempts how often the same work may fail before the job does; {@link #NO_LIMIT} for
 *     without end, each time after a longer wait. A worker that is lost with the work does not
 *     count, but {@link #maxLostWorkers} of them do
 * @param minElements a bundle of fewer elements is not made for parallelism's sake, nor while the
 *     producers are still running and the pool has other work
 * @param minBytes as {@code minElements}, for elements that are large: reaching one of both is
 *     enough
 * @param maxElements at most so many elements (or timers) in a bundle
 * @param maxBytes a bundle is full when its elements have so many bytes
 * @param maxStatefulElements at most so many elements (or timers) in a bundle of a stage with
 *     state: what it changes is in memory till its commit
 * @param bundlesPerSlot how many bundles a slot should get of the work that is there, so that slots
 *     that are done early find more
 * @param splitAfterMillis how long a bundle runs before it is asked to leave work to idle slots
 * @param commitAfterMillis how long a bundle runs before it is asked to end where it is, so that a
 *     lost worker costs little
 * @param streaming whether watermarks move with the data. If not, a stage's input watermark stays
 *     at the beginning of time until all its input has been processed, then jumps to the end
 */
public record SchedulingPolicy(
    int maxAttempts,
    int minElements,
    long minBytes,
    int maxElements,
    long maxBytes,
    int maxStatefulElements,
    int bundlesPerSlot,
    long splitAfterMillis,
    long commitAfterMillis,
    boolean streaming) {

  /** Work is tried again without end. */
  public static final int NO_LIMIT = Integer.MAX_VALUE;

  /** As a time to wait: longer than any job runs. */
  public static final long NEVER_MILLIS = 1L << 40;

  private static final int LOST_WORKERS_FOR_AN_ATTEMPT = 2;

  /** Bad luck does not often come so many times to the same work. */
  private static final int LOST_WORKERS_TO_SUSPECT = 3;

  /** However small the memory is, bundles are not full with less. */
  private static final long SMALLEST_FULL_BYTES = 1 << 20;

  /** So many full bundles should fit into memory. */
  private static final int BUNDLES_IN_MEMORY = 64;

  /** What an element changes takes some hundred bytes, and several bundles run at once. */
  private static final int BYTES_OF_CHANGES = 5000;

  private static final long FIRST_RETRY_DELAY_MILLIS = 500;
  private static final long LONGEST_RETRY_DELAY_MILLIS = 60_000;

  /** For batch jobs. */
  public static final SchedulingPolicy BATCH =
      new SchedulingPolicy(4, 100, 64 << 10, 100_000, 32 << 20, 100_000, 2, 1000, 2000, false);

  /**
   * For streaming jobs: small bundles, so that no slot makes others wait for long. Their sources
   * give out what they have by checkpoints, and half of an endless restriction is no help to
   * anybody.
   */
  public static final SchedulingPolicy STREAMING =
      new SchedulingPolicy(
          NO_LIMIT, 100, 64 << 10, 10_000, 4 << 20, 10_000, 2, NEVER_MILLIS, NEVER_MILLIS, true);

  public SchedulingPolicy {
    if (maxAttempts < 1
        || minElements < 1
        || minBytes < 1
        || maxElements < 1
        || maxBytes < 1
        || maxStatefulElements < 1
        || bundlesPerSlot < 1
        || splitAfterMillis < 1
        || commitAfterMillis < 1) {
      throw new IllegalArgumentException("every limit must be at least 1");
    }
  }

  /**
   * How many workers may be lost with the same work before the job fails. One or two are bad luck;
   * that many have been ended by the work: it needs more memory than there is, or crashes its
   * process. {@link #NO_LIMIT} where attempts have none.
   */
  public int maxLostWorkers() {
    return maxAttempts == NO_LIMIT ? NO_LIMIT : maxAttempts * LOST_WORKERS_FOR_AN_ATTEMPT;
  }

  /**
   * Whether work is tried again.
   *
   * @param cause how its last attempt ended
   * @param attempts all of them, with the last one
   */
  public boolean allowsRetry(BundleFailure.Cause cause, Attempts attempts) {
    return cause != BundleFailure.Cause.RUNNER
        && attempts.failed() < maxAttempts
        && attempts.lostWorkers() < maxLostWorkers();
  }

  /**
   * Whether work may be what ends its workers. It is tried with nothing beside it in its pool: work
   * that shares a worker with such work loses it as often, and is not to be blamed.
   */
  boolean isSuspect(Attempts attempts) {
    return attempts.lostWorkers() >= LOST_WORKERS_TO_SUSPECT;
  }

  /**
   * How long work waits before it is tried again, in milliseconds.
   *
   * @param attempts that have failed
   */
  long retryDelayMillis(Attempts attempts) {
    if (maxAttempts != NO_LIMIT || attempts.count() <= 1) {
      return 0;
    }
    int doublings = Math.min(attempts.count() - 2, 30);
    return Math.min(LONGEST_RETRY_DELAY_MILLIS, FIRST_RETRY_DELAY_MILLIS << doublings);
  }

  /** The same with another number of attempts. */
  public SchedulingPolicy withMaxAttempts(int attempts) {
    return new SchedulingPolicy(
        attempts,
        minElements,
        minBytes,
        maxElements,
        maxBytes,
        maxStatefulElements,
        bundlesPerSlot,
        splitAfterMillis,
        commitAfterMillis,
        streaming);
  }

  /**
   * The same, but with bundles of which many fit into the memory for data.
   *
   * @param memory in bytes
   */
  public SchedulingPolicy within(long memory) {
    long most = Math.max(SMALLEST_FULL_BYTES, memory / BUNDLES_IN_MEMORY);
    long mostStateful = Math.max(minElements, memory / BYTES_OF_CHANGES);
    return new SchedulingPolicy(
        maxAttempts,
        minElements,
        minBytes,
        maxElements,
        Math.min(maxBytes, most),
        (int) Math.min(maxStatefulElements, mostStateful),
        bundlesPerSlot,
        splitAfterMillis,
        commitAfterMillis,
        streaming);
  }
}
