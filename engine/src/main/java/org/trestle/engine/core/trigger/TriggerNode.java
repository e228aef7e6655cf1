package org.trestle.engine.core.trigger;

import java.util.List;

/**
 * A part of a trigger, or all of it. Immutable; its index names its bit in the state.
 *
 * <p>Parts are as in Beam's model: they are told of elements, asked whether they are ready, and
 * told when they fired; then they may be finished. Clearing forgets what a part knows of the pane,
 * resetting also that it was finished.
 */
abstract class TriggerNode {
  private final int index;
  private final List<TriggerNode> parts;

  TriggerNode(int index, List<TriggerNode> parts) {
    this.index = index;
    this.parts = parts;
  }

  final List<TriggerNode> parts() {
    return parts;
  }

  final TriggerNode part(int number) {
    return parts.get(number);
  }

  final boolean isFinished(TriggerState state) {
    return state.bit(index);
  }

  final void setFinished(TriggerState state, boolean finished) {
    state.setBit(index, finished);
  }

  final boolean isFinishedInAny(List<TriggerState> sources) {
    for (TriggerState source : sources) {
      if (isFinished(source)) {
        return true;
      }
    }
    return false;
  }

  final boolean isFinishedInAll(List<TriggerState> sources) {
    for (TriggerState source : sources) {
      if (!isFinished(source)) {
        return false;
      }
    }
    return true;
  }

  abstract void onElement(TriggerState state, long now);

  abstract boolean shouldFire(TriggerState state, boolean endOfWindow, long now);

  abstract void onFire(TriggerState state, boolean endOfWindow, long now);

  /**
   * Merges.
   *
   * @param state of the result: what was finished there is still set, all else is new
   */
  abstract void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow);

  void clear(TriggerState state) {
    for (TriggerNode part : parts) {
      part.clear(state);
    }
  }

  final void reset(TriggerState state) {
    unfinish(state);
    clear(state);
  }

  private void unfinish(TriggerState state) {
    setFinished(state, false);
    for (TriggerNode part : parts) {
      part.unfinish(state);
    }
  }

  /** Whether passing the end of the window can make it ready. */
  boolean waitsForEndOfWindow(TriggerState state) {
    for (TriggerNode part : parts) {
      if (!part.isFinished(state) && part.waitsForEndOfWindow(state)) {
        return true;
      }
    }
    return false;
  }

  /** The next processing time after now that can make it ready. */
  long nextProcessingTime(TriggerState state, long now) {
    long next = Long.MAX_VALUE;
    for (TriggerNode part : parts) {
      if (!part.isFinished(state)) {
        next = Math.min(next, part.nextProcessingTime(state, now));
      }
    }
    return next;
  }
}
