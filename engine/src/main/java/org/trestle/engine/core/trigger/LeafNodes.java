package org.trestle.engine.core.trigger;

import java.util.List;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform;

/** Triggers without subtriggers. */
final class LeafNodes {
  /** No time to wait for. */
  static final long NO_TIME = Long.MAX_VALUE;

  private LeafNodes() {}

  /** Ready, or never, whatever comes; never finished. */
  static final class Constant extends TriggerNode {
    private final boolean ready;

    Constant(int index, boolean ready) {
      super(index, List.of());
      this.ready = ready;
    }

    @Override
    void onElement(TriggerState state, long now) {}

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      return ready;
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {}

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {}

    @Override
    boolean waitsForEndOfWindow(TriggerState state) {
      return ready;
    }
  }

  /** Ready when the watermark has passed the end of the window. */
  static final class EndOfWindow extends TriggerNode {
    private final boolean once;

    /**
     * Makes the node.
     *
     * @param once whether it is finished when it has fired
     */
    EndOfWindow(int index, boolean once) {
      super(index, List.of());
      this.once = once;
    }

    @Override
    void onElement(TriggerState state, long now) {}

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      return endOfWindow;
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      setFinished(state, once);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      // Elements of a window where it has not fired still wait for it.
      setFinished(state, once && endOfWindow && isFinishedInAll(sources));
    }

    @Override
    boolean waitsForEndOfWindow(TriggerState state) {
      return true;
    }
  }

  /** Ready when so many elements have come; finished when it has fired. */
  static final class Count extends TriggerNode {
    private final int slot;
    private final int wanted;

    Count(int index, int slot, int wanted) {
      super(index, List.of());
      this.slot = slot;
      this.wanted = wanted;
    }

    @Override
    void onElement(TriggerState state, long now) {
      state.setWord(slot, state.word(slot) + 1);
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      return state.word(slot) >= wanted;
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      clear(state);
      setFinished(state, true);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      if (isFinishedInAny(sources)) {
        setFinished(state, true);
        return;
      }
      long sum = 0;
      for (TriggerState source : sources) {
        sum += source.word(slot);
      }
      state.setWord(slot, sum);
    }

    @Override
    void clear(TriggerState state) {
      state.setWord(slot, 0);
    }
  }

  /** Ready some time after the first element has come; finished when it has fired. */
  static final class Delay extends TriggerNode {
    private final int slot;
    private final List<TimestampTransform> transforms;

    Delay(int index, int slot, List<TimestampTransform> transforms) {
      super(index, List.of());
      this.slot = slot;
      this.transforms = transforms;
    }

    @Override
    void onElement(TriggerState state, long now) {
      if (state.word(slot) == NO_TIME) {
        long target = now;
        for (TimestampTransform transform : transforms) {
          target = transform.apply(target);
        }
        // Without a delay, something else must happen before.
        state.setWord(slot, Math.max(target, now + 1));
      }
    }

    @Override
    boolean shouldFire(TriggerState state, boolean endOfWindow, long now) {
      return now >= state.word(slot);
    }

    @Override
    void onFire(TriggerState state, boolean endOfWindow, long now) {
      clear(state);
      setFinished(state, true);
    }

    @Override
    void onMerge(TriggerState state, List<TriggerState> sources, boolean endOfWindow) {
      if (isFinished(state)) {
        return;
      }
      long earliest = NO_TIME;
      for (TriggerState source : sources) {
        earliest = Math.min(earliest, source.word(slot));
      }
      state.setWord(slot, earliest);
    }

    @Override
    void clear(TriggerState state) {
      state.setWord(slot, NO_TIME);
    }

    @Override
    long nextProcessingTime(TriggerState state, long now) {
      long target = state.word(slot);
      return target <= now ? NO_TIME : target;
    }
  }
}
