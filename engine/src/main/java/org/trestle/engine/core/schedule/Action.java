package org.trestle.engine.core.schedule;

import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.scale.PoolSize;

/** What the core asks of the world. */
public sealed interface Action {

  /** Run this bundle in a slot of its stage's pool; answer with a commit or a failure. */
  record StartBundle(BundleWork work) implements Action {}

  /** Give up a running bundle: its answer is not wanted any more. */
  record AbandonBundle(BundleId bundle) implements Action {}

  /**
   * Ask this bundle to give back the rest of its work, but for a part. Answer with {@code
   * bundleSplit} or {@code splitRefused}, unless the bundle ends before.
   *
   * @param keep which part of the rest it should keep, in [0, 1)
   */
  record SplitBundle(BundleId bundle, double keep) implements Action {}

  /** Give a pool another size, as far as that is possible; {@code slots} then says what it has. */
  record ResizePool(String pool, PoolSize size) implements Action {}

  /** All producers of the edge are done: nothing will be added to it. */
  record EdgeComplete(EdgeId edge) implements Action {}

  /** Call {@code tick} at this processing time (milliseconds), unless one is asked for earlier. */
  record WakeAt(long processingTime) implements Action {}

  /**
   * Everything that followed from earlier events has been done: answer with the next event of this
   * TestStream, or with its end.
   */
  record NextTestStreamEvent(String testStream) implements Action {}

  /** The job has ended. No action follows. */
  record JobEnded(Outcome outcome, String message) implements Action {}

  /** How a job ends. */
  enum Outcome {
    DONE,
    DRAINED,
    FAILED,
    CANCELLED
  }
}
