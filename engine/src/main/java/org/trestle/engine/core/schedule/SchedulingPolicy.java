package org.trestle.engine.core.schedule;

/**
 * How the core decides.
 *
 * @param maxAttempts how often the same work is tried before the job fails; {@link #NO_LIMIT} for
 *     without end, each time after a longer wait
 * @param minElements a bundle of fewer elements is not made for parallelism's sake, nor while the
 *     producers are still running and the pool has other work
 * @param minBytes as {@code minElements}, for elements that are large: reaching one of both is
 *     enough
 * @param maxElements at most so many elements (or timers) in a bundle
 * @param maxBytes a bundle is full when its elements have so many bytes
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
    int bundlesPerSlot,
    long splitAfterMillis,
    long commitAfterMillis,
    boolean streaming) {

  /** Work is tried again without end. */
  public static final int NO_LIMIT = Integer.MAX_VALUE;

  /** As a time to wait: longer than any job runs. */
  public static final long NEVER_MILLIS = 1L << 40;

  private static final long FIRST_RETRY_DELAY_MILLIS = 500;
  private static final long LONGEST_RETRY_DELAY_MILLIS = 60_000;

  /** For batch jobs. */
  public static final SchedulingPolicy BATCH =
      new SchedulingPolicy(4, 100, 64 << 10, 100_000, 32 << 20, 2, 1000, 2000, false);

  /**
   * For streaming jobs: small bundles, so that no slot makes others wait for long. Their sources
   * give out what they have by checkpoints, and half of an endless restriction is no help to
   * anybody.
   */
  public static final SchedulingPolicy STREAMING =
      new SchedulingPolicy(
          NO_LIMIT, 100, 64 << 10, 10_000, 4 << 20, 2, NEVER_MILLIS, NEVER_MILLIS, true);

  public SchedulingPolicy {
    if (maxAttempts < 1
        || minElements < 1
        || minBytes < 1
        || maxElements < 1
        || maxBytes < 1
        || bundlesPerSlot < 1
        || splitAfterMillis < 1
        || commitAfterMillis < 1) {
      throw new IllegalArgumentException("every limit must be at least 1");
    }
  }

  /**
   * How long work waits before it is tried again, in milliseconds.
   *
   * @param failures how often it has failed
   */
  long retryDelayMillis(int failures) {
    if (maxAttempts != NO_LIMIT || failures <= 1) {
      return 0;
    }
    int doublings = Math.min(failures - 2, 30);
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
        bundlesPerSlot,
        splitAfterMillis,
        commitAfterMillis,
        streaming);
  }
}
