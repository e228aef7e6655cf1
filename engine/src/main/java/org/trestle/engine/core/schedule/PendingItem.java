package org.trestle.engine.core.schedule;

import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.timer.TimerQueue;

/**
 * A block at a stage's input, with what it holds until a bundle with it commits.
 *
 * @param inputHold the stage's input watermark stays at or below it
 * @param outputHold the stage's output watermark stays at or below it
 */
record PendingItem(ElementBlock block, long inputHold, long outputHold, boolean residual) {

  static PendingItem of(ElementBlock block) {
    long hold = TimerQueue.heldAt(block.minTimestamp());
    return new PendingItem(block, hold, hold, false);
  }

  static PendingItem of(Residual residual) {
    return new PendingItem(
        residual.block(),
        TimerQueue.heldAt(residual.block().minTimestamp()),
        TimerQueue.heldAt(residual.outputWatermark()),
        true);
  }

  /** Part of the block, holding what it can hold by itself. */
  PendingItem slice(int from, int to) {
    ElementBlock part = block.slice(from, to);
    long hold = TimerQueue.heldAt(part.minTimestamp());
    return new PendingItem(part, hold, residual ? outputHold : hold, residual);
  }
}
