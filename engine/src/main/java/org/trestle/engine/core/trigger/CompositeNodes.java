package org.trestle.engine.core.trigger;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Triggers that run subtriggers. */
final class CompositeNodes {
  private CompositeNodes() {}

  /** Ready when all parts are; finished when it has fired. */
  static final class All extends TriggerNode {
    All(int index, List<TriggerNode> parts) {
      super(index, parts);
    }

    @Override
    void onElement(TriggerState state, long now) {
      for (TriggerNode part : parts()) {
        if (!part.isFinished(state)) {
          part.onElement(state, now);
        }
      }
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      for (TriggerNode part : parts()) {
        if (!part.isFinished(state) && !part.shouldFire(state, endOfWindow, now)) {
          return false;
        }
      }
      return true;
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      for (TriggerNode part : parts()) {
        part.onFire(state, endOfWindow, now);
      }
      setFinished(state, true);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      boolean finished = true;
      for (TriggerNode part : parts()) {
        part.onMerge(state, sources, endOfWindow);
        finished &= part.isFinished(state);
      }
      setFinished(state, finished);
    }
  }

  /** Ready when one part is; finished when it has fired. */
  static final class Any extends TriggerNode {
    Any(int index, List<TriggerNode> parts) {
      super(index, parts);
    }

    @Override
    void onElement(TriggerState state, long now) {
      for (TriggerNode part : parts()) {
        part.onElement(state, now);
      }
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      for (TriggerNode part : parts()) {
        if (part.isFinished(state) || part.shouldFire(state, endOfWindow, now)) {
          return true;
        }
      }
      return false;
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      for (TriggerNode part : parts()) {
        if (part.shouldFire(state, endOfWindow, now)) {
          part.onFire(state, endOfWindow, now);
        } else {
          part.clear(state);
        }
      }
      setFinished(state, true);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      setFinished(state, mergeParts(this, state, sources, endOfWindow));
    }
  }

  /** Runs one part after the other, each until it is finished. */
  static final class Each extends TriggerNode {
    private final boolean merging;

    Each(int index, List<TriggerNode> parts, boolean merging) {
      super(index, parts);
      this.merging = merging;
    }

    private @Nullable TriggerNode current(TriggerState state) {
      for (TriggerNode part : parts()) {
        if (!part.isFinished(state)) {
          return part;
        }
      }
      return null;
    }

    @Override
    void onElement(TriggerState state, long now) {
      if (merging) {
        parts().forEach(part -> part.onElement(state, now));
        return;
      }
      TriggerNode current = current(state);
      if (current != null) {
        current.onElement(state, now);
      }
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      TriggerNode current = current(state);
      return current != null && current.shouldFire(state, endOfWindow, now);
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      TriggerNode current = current(state);
      if (current != null) {
        current.onFire(state, endOfWindow, now);
      }
      if (merging) {
        clear(state);
      }
      setFinished(state, current(state) == null);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      boolean reached = true;
      for (TriggerNode part : parts()) {
        if (reached) {
          part.onMerge(state, sources, endOfWindow);
          reached = part.isFinished(state);
        } else {
          part.reset(state);
        }
      }
      setFinished(state, current(state) == null);
    }

    @Override
    boolean waitsForEndOfWindow(TriggerState state) {
      TriggerNode current = current(state);
      return current != null && current.waitsForEndOfWindow(state);
    }

    @Override
    long nextProcessingTime(TriggerState state, long now) {
      TriggerNode current = current(state);
      return current == null ? LeafNodes.NO_TIME : current.nextProcessingTime(state, now);
    }
  }

  /**
   * Repeats one part before the end of the window and another one after it. The first is finished
   * when the end of the window has fired.
   */
  static final class EarlyAndLate extends TriggerNode {
    private final boolean merging;

    /**
     * Makes the node.
     *
     * @param parts the early one, then the late one if there is one
     */
    EarlyAndLate(int index, List<TriggerNode> parts, boolean merging) {
      super(index, parts);
      this.merging = merging;
    }

    private TriggerNode early() {
      return part(0);
    }

    private @Nullable TriggerNode late() {
      return parts().size() > 1 ? part(1) : null;
    }

    private @Nullable TriggerNode current(TriggerState state) {
      return early().isFinished(state) ? late() : early();
    }

    @Override
    void onElement(TriggerState state, long now) {
      if (merging) {
        parts().forEach(part -> part.onElement(state, now));
        return;
      }
      TriggerNode current = current(state);
      if (current != null) {
        current.onElement(state, now);
      }
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      TriggerNode current = current(state);
      return current != null
          && (current.shouldFire(state, endOfWindow, now) || (endOfWindow && current == early()));
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      TriggerNode late = late();
      if (early().isFinished(state)) {
        if (late != null) {
          fireAndRepeat(late, state, endOfWindow, now);
        } else {
          setFinished(state, true);
        }
      } else if (!endOfWindow) {
        fireAndRepeat(early(), state, endOfWindow, now);
      } else {
        early().reset(state);
        early().setFinished(state, true);
        if (late != null) {
          late.reset(state);
        } else {
          setFinished(state, true);
        }
      }
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      TriggerNode late = late();
      if (!endOfWindow || !early().isFinishedInAll(sources)) {
        early().onMerge(state, sources, endOfWindow);
        early().setFinished(state, false);
        if (late != null) {
          late.reset(state);
        }
        setFinished(state, false);
      } else {
        early().setFinished(state, true);
        if (late != null) {
          late.onMerge(state, sources, endOfWindow);
        } else {
          setFinished(state, true);
        }
      }
    }

    @Override
    boolean waitsForEndOfWindow(TriggerState state) {
      return !early().isFinished(state);
    }

    @Override
    long nextProcessingTime(TriggerState state, long now) {
      TriggerNode current = current(state);
      return current == null ? LeafNodes.NO_TIME : current.nextProcessingTime(state, now);
    }
  }

  /** Runs its first part until that is finished or the second one fires. */
  static final class OrFinally extends TriggerNode {
    OrFinally(int index, List<TriggerNode> parts) {
      super(index, parts);
    }

    @Override
    void onElement(TriggerState state, long now) {
      part(0).onElement(state, now);
      part(1).onElement(state, now);
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      return part(0).shouldFire(state, endOfWindow, now)
          || part(1).shouldFire(state, endOfWindow, now);
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      if (part(1).shouldFire(state, endOfWindow, now)) {
        part(1).onFire(state, endOfWindow, now);
        part(0).clear(state);
      } else {
        part(0).onFire(state, endOfWindow, now);
      }
      setFinished(state, part(0).isFinished(state) || part(1).isFinished(state));
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      setFinished(state, mergeParts(this, state, sources, endOfWindow));
    }
  }

  /** Starts its part again whenever that is finished. */
  static final class Repeat extends TriggerNode {
    Repeat(int index, List<TriggerNode> parts) {
      super(index, parts);
    }

    @Override
    void onElement(TriggerState state, long now) {
      part(0).onElement(state, now);
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      return part(0).shouldFire(state, endOfWindow, now);
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      fireAndRepeat(part(0), state, endOfWindow, now);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      part(0).onMerge(state, sources, endOfWindow);
    }
  }

  private static void fireAndRepeat(
      TriggerNode part, TriggerState state, boolean endOfWindow, long now) {
    part.onFire(state, endOfWindow, now);
    if (part.isFinished(state)) {
      part.reset(state);
    }
  }

  /** Merges all parts; whether one is finished then. */
  private static boolean mergeParts(
      TriggerNode node, TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
    boolean finished = false;
    for (TriggerNode part : node.parts()) {
      part.onMerge(state, sources, endOfWindow);
      finished |= part.isFinished(state);
    }
    return finished;
  }
}
