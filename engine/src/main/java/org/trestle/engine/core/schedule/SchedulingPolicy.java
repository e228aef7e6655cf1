package org.trestle.engine.core.schedule;

/**
 * How the core decides.
 *
 * @param maxAttempts how often the same work is tried before the job fails
 * @param minElements a bundle of fewer elements is not made for parallelism's sake, nor while the
 *     producers are still running and the pool has other work
 * @param minBytes as {@code minElements}, for elements that are large: reaching one of both is
 *     enough
 * @param maxElements at most so many elements (or timers) in a bundle
 * @param maxBytes a bundle is full when its elements have so many bytes
 * @param bundlesPerSlot how many bundles a slot should get of the work that is there, so that slots
 *     that are done early find more
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
    boolean streaming) {

  /** For batch jobs. */
  public static final SchedulingPolicy BATCH =
      new SchedulingPolicy(4, 100, 64 << 10, 100_000, 32 << 20, 2, false);

  public SchedulingPolicy {
    if (maxAttempts < 1
        || minElements < 1
        || minBytes < 1
        || maxElements < 1
        || maxBytes < 1
        || bundlesPerSlot < 1) {
      throw new IllegalArgumentException("every limit must be at least 1");
    }
  }

  /** The same with another number of attempts. */
  public SchedulingPolicy withMaxAttempts(int attempts) {
    return new SchedulingPolicy(
        attempts, minElements, minBytes, maxElements, maxBytes, bundlesPerSlot, streaming);
  }
}
