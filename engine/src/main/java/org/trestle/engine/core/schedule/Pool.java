package org.trestle.engine.core.schedule;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.scale.PoolScaler;

/** Slots that bundles run in, and the stages that have work for them, as indexes into the plan. */
final class Pool {
  private final String name;
  private final BitSet ready = new BitSet();
  private final BitSet worthwhile = new BitSet();
  private int slots;
  private int running;
  private int ending;
  private boolean quarantined;
  private @Nullable PoolScaler scaler;

  Pool(String name) {
    this.name = name;
  }

  void resize(int newSlots) {
    slots = newSlots;
  }

  /** From now on the scaler decides the pool's size. */
  void scaledBy(PoolScaler poolScaler) {
    scaler = poolScaler;
  }

  /** Decides the pool's size; null if nobody does. */
  @Nullable PoolScaler scaler() {
    return scaler;
  }

  /**
   * Takes a slot.
   *
   * @param alone whether nothing else may run till it is given back
   */
  void take(boolean alone) {
    running++;
    quarantined = alone;
  }

  /** A bundle that has a slot is ending: as long as others are there, it needs none. */
  void lend() {
    ending++;
  }

  /**
   * Gives a slot back.
   *
   * @param lent whether it was lent
   */
  void giveBack(boolean lent) {
    running--;
    ending -= lent ? 1 : 0;
    quarantined &= running > 0;
  }

  boolean hasFreeSlot() {
    return busy() < slots && !quarantined;
  }

  void setReady(int stage, boolean isReady, boolean isWorthwhile) {
    ready.set(stage, isReady);
    worthwhile.set(stage, isReady && isWorthwhile);
  }

  boolean hasReadyStage() {
    return !ready.isEmpty();
  }

  /**
   * The stage to give the next slot to, -1 if none has work: the last one in the plan with enough
   * work for a bundle, so that data is drained before more is made; else the last one with any.
   */
  int nextStage() {
    return worthwhile.isEmpty() ? ready.length() - 1 : worthwhile.length() - 1;
  }

  String name() {
    return name;
  }

  int slots() {
    return slots;
  }

  /** How many bundles run, with those that are ending. */
  int running() {
    return running;
  }

  /** How many slots are in use. No more bundles end without one than there are slots. */
  int busy() {
    return running - Math.min(ending, slots);
  }
}
