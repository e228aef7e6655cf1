package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.trestle.engine.core.port.SideInputGate;

/** Blocks that wait for side inputs, in order of arrival. Their holds are the stage's. */
final class GatedBlocks {
  private static final int MOST_REASONS = 5;

  /** A block, and the key group it will go to; that says nothing for a stage without keys. */
  record Gated(PendingItem item, int keyGroup) {}

  private final SideInputGate gate;
  private List<Gated> waiting = new ArrayList<>();
  private boolean moved;

  GatedBlocks(SideInputGate gate) {
    this.gate = gate;
  }

  SideInputGate gate() {
    return gate;
  }

  /** Keeps the block if it has to wait. */
  boolean keeps(PendingItem item, int keyGroup) {
    if (gate.isReady(item.block())) {
      return false;
    }
    waiting.add(new Gated(item, keyGroup));
    return true;
  }

  /** Something has come that may open the gate. */
  void moved() {
    moved = true;
  }

  /** Takes out what need not wait any more. */
  List<Gated> opened() {
    if (!moved || waiting.isEmpty()) {
      moved = false;
      return List.of();
    }
    moved = false;
    List<Gated> opened = new ArrayList<>();
    List<Gated> still = new ArrayList<>();
    for (Gated gated : waiting) {
      (gate.isReady(gated.item().block()) ? opened : still).add(gated);
    }
    waiting = still;
    return opened;
  }

  int count() {
    return waiting.size();
  }

  /** What the blocks wait for, for people: the first few reasons. */
  Set<String> reasons() {
    Set<String> reasons = new LinkedHashSet<>();
    for (Gated gated : waiting) {
      reasons.add(gate.describe(gated.item().block()));
      if (reasons.size() == MOST_REASONS) {
        break;
      }
    }
    return reasons;
  }
}
