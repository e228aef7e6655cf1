package org.trestle.engine.core.schedule;

import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.timer.TimerQueue;
import org.trestle.engine.core.watermark.HoldMultiset;

/** What holds the watermarks of a stage: pending and in-flight elements, and timers. */
final class StageHolds {
  private final HoldMultiset input = new HoldMultiset();
  private final HoldMultiset output = new HoldMultiset();

  void add(PendingItem item) {
    input.add(item.inputHold());
    output.add(item.outputHold());
  }

  void remove(PendingItem item) {
    input.remove(item.inputHold());
    output.remove(item.outputHold());
  }

  void remove(FiredTimer timer) {
    output.remove(TimerQueue.heldAt(timer.hold()));
  }

  /**
   * A bundle of timers starts. What it gives out was on time at the input watermark that it knows,
   * also where its timers hold less: a pane that is due by processing time, of a window that holds
   * only its expiry.
   */
  void start(BundleDraft draft) {
    if (!draft.timers().isEmpty()) {
      output.add(draft.inputWatermark());
    }
  }

  /** The bundle has ended, well or not. */
  void end(BundleDraft draft) {
    if (!draft.timers().isEmpty()) {
      output.remove(draft.inputWatermark());
    }
  }

  HoldMultiset input() {
    return input;
  }

  HoldMultiset output() {
    return output;
  }
}
