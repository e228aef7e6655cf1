package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;

/**
 * The work of one bundle as its stage knows it: stays together from the first attempt to the
 * commit.
 *
 * @param keyGroups leased key groups, ascending
 * @param inputWatermark of the stage when this attempt was drawn
 */
record BundleDraft(
    List<Integer> keyGroups,
    List<PendingItem> items,
    List<FiredTimer> timers,
    boolean closing,
    Attempts attempts,
    long inputWatermark) {

  static BundleDraft ofElements(List<Integer> keyGroups, List<PendingItem> items) {
    return new BundleDraft(keyGroups, items, List.of(), false, Attempts.NONE, EventTime.MIN);
  }

  static BundleDraft ofTimers(List<Integer> keyGroups, List<FiredTimer> timers) {
    return new BundleDraft(keyGroups, List.of(), timers, false, Attempts.NONE, EventTime.MIN);
  }

  static BundleDraft ofClosing(List<Integer> keyGroups, List<PendingItem> items) {
    return new BundleDraft(keyGroups, items, List.of(), true, Attempts.NONE, EventTime.MIN);
  }

  /** The same after one more attempt, which ended so. */
  BundleDraft after(BundleFailure.Cause cause) {
    return new BundleDraft(keyGroups, items, timers, closing, attempts.and(cause), inputWatermark);
  }

  BundleDraft withItems(List<PendingItem> other) {
    return new BundleDraft(keyGroups, other, timers, closing, attempts, inputWatermark);
  }

  BundleDraft drawnAt(long watermark) {
    return new BundleDraft(keyGroups, items, timers, closing, attempts, watermark);
  }

  long elementCount() {
    long count = 0;
    for (PendingItem item : items) {
      count += item.block().count();
    }
    return count;
  }

  long byteCount() {
    long bytes = 0;
    for (PendingItem item : items) {
      bytes += item.block().bytes();
    }
    return bytes;
  }

  BundleWork toWork(BundleId id, StageId stage, long now) {
    List<ElementBlock> blocks = new ArrayList<>(items.size());
    for (PendingItem item : items) {
      blocks.add(item.block());
    }
    return new BundleWork(
        id, stage, keyGroups, blocks, timers, closing, attempts, inputWatermark, now);
  }
}
