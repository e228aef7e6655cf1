package org.trestle.engine.execute;

import java.util.concurrent.atomic.LongAdder;

/**
 * What a bundle spent its time on in the runner, in nanoseconds. Safe for use by several threads.
 */
final class BundleClock {
  private final LongAdder queued = new LongAdder();
  private final LongAdder shuffle = new LongAdder();

  /** It waited for a thread of the runner since this time of {@link System#nanoTime}. */
  void queuedSince(long start) {
    queued.add(System.nanoTime() - start);
  }

  /** The runner stored, grouped or read its data since this time of {@link System#nanoTime}. */
  void shuffledSince(long start) {
    shuffle.add(System.nanoTime() - start);
  }

  long queuedNanos() {
    return queued.sum();
  }

  long shuffleNanos() {
    return shuffle.sum();
  }
}
