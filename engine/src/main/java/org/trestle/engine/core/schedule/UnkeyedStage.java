package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;

/** A stage whose elements may run in any bundle. */
final class UnkeyedStage extends StageState {
  private final BundleSizer sizer;
  private final PendingBlocks fresh = new PendingBlocks();
  private final PendingBlocks residuals = new PendingBlocks();
  private boolean drewResiduals;

  UnkeyedStage(int index, StageSpec spec, Pool pool, SchedulingPolicy policy) {
    super(index, spec, pool, policy);
    this.sizer = new BundleSizer(policy);
  }

  @Override
  void deliver(EdgeOutput output) {
    for (ElementBlock block : output.blocks()) {
      add(block);
    }
  }

  @Override
  void addReturned(PendingItem item, int keyGroup) {
    (item.residual() ? residuals : fresh).add(item);
  }

  @Override
  boolean hasFreshWork(long now) {
    return !fresh.isEmpty() || !residuals.isEmpty();
  }

  @Override
  boolean isFreshWorkWorthwhile(long now) {
    return !residuals.isEmpty() || sizer.isWorthwhile(fresh.elements(), fresh.bytes());
  }

  @Override
  BundleDraft drawFresh(long now) {
    List<PendingItem> items = new ArrayList<>();
    int slots = pool().slots();
    // In turns: a residual that comes back again and again must not keep others from starting.
    drewResiduals = fresh.isEmpty() || (!residuals.isEmpty() && !drewResiduals);
    if (drewResiduals) {
      long share = sizer.residuals(residuals.elements(), residuals.firstElements(), slots);
      residuals.take(share, sizer.maxBytes(), holds(), items);
    } else {
      long share = sizer.elements(fresh.elements(), fresh.bytes(), slots);
      fresh.take(share, sizer.maxBytes(), holds(), items);
    }
    return BundleDraft.ofElements(List.of(), items);
  }

  @Override
  void took(BundleDraft draft, long millis) {
    sizer.took(draft.elementCount(), draft.byteCount(), millis);
  }

  @Override
  void release(BundleDraft draft) {}

  @Override
  void applyTimers(List<TimerUpdate> updates) {}

  @Override
  @Nullable String refuse(List<TimerUpdate> updates, BundleDraft draft) {
    return updates.isEmpty() ? null : "a stage without keys cannot have timers";
  }

  @Override
  boolean hasUnfinishedKeys() {
    return false;
  }

  @Override
  long nextTimerAt() {
    return Long.MAX_VALUE;
  }

  @Override
  int timerCount() {
    return 0;
  }

  @Override
  long nextEventTimer() {
    return Long.MAX_VALUE;
  }
}
