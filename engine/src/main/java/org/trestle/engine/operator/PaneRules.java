package org.trestle.engine.operator;

import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.trigger.TriggerMachine;
import org.trestle.engine.core.trigger.TriggerState;
import org.trestle.engine.operator.WindowState.LateHold;
import org.trestle.engine.windowing.WindowingStrategySpec.ClosingBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Panes.Timing;

/** What follows from a window's state at one input watermark. Changes nothing but holds. */
final class PaneRules {
  private final Triggering triggering;
  private final TriggerMachine machine;
  private final long watermark;

  PaneRules(Triggering triggering, TriggerMachine machine, long watermark) {
    this.triggering = triggering;
    this.machine = machine;
    this.watermark = watermark;
  }

  /** Whether the watermark has passed a moment: none can be passed after the end of time. */
  boolean isPast(long moment) {
    return watermark > moment || watermark >= EventTime.MAX;
  }

  /** Whether elements of a window that ends then are dropped. */
  boolean isTooLate(long windowEnd) {
    return triggering.expiry(windowEnd) < watermark;
  }

  /** Adds an element's hold to its window's. */
  void hold(WindowState state, long timestamp) {
    long wanted =
        triggering.outputTime() == OutputTime.END_OF_WINDOW
            ? state.end
            : Math.min(timestamp, state.end);
    if (isPast(state.end)) {
      if (state.lateHold == LateHold.NONE) {
        state.lateHold = LateHold.EXPIRY;
      }
    } else if (wanted < watermark) {
      state.lateHold = LateHold.END_OF_WINDOW;
    } else {
      state.elementHold = combine(state.elementHold, wanted);
    }
  }

  private long combine(long one, long other) {
    if (one == WindowState.NO_TIME || other == WindowState.NO_TIME) {
      return Math.min(one, other);
    }
    return triggering.outputTime() == OutputTime.LATEST
        ? Math.max(one, other)
        : Math.min(one, other);
  }

  /** Adds the holds of a window that is merged into another one. */
  void mergeHolds(WindowState result, WindowState source) {
    if (source.elementHold != WindowState.NO_TIME) {
      result.elementHold =
          triggering.outputTime() == OutputTime.END_OF_WINDOW
              ? result.end
              : combine(result.elementHold, source.elementHold);
    }
    if (source.lateHold == LateHold.END_OF_WINDOW
        || (source.lateHold == LateHold.EXPIRY && !isPast(result.end))) {
      result.lateHold = LateHold.END_OF_WINDOW;
    } else if (source.lateHold == LateHold.EXPIRY && result.lateHold == LateHold.NONE) {
      result.lateHold = LateHold.EXPIRY;
    }
    result.heldBySource |= source.heldBySource || source.held <= result.end;
  }

  /** The next pane of a window. */
  Panes.Pane nextPane(WindowState state, boolean last) {
    Timing timing = timing(state);
    return new Panes.Pane(
        state.panes == 0,
        last,
        timing,
        state.panes,
        timing == Timing.EARLY ? -1 : state.panesNotEarly);
  }

  private Timing timing(WindowState state) {
    if (state.panesNotEarly > 0) {
      return Timing.LATE;
    }
    if (!isPast(state.end)) {
      return Timing.EARLY;
    }
    boolean heldInTime =
        state.elementHold != WindowState.NO_TIME || state.held <= state.end || state.heldBySource;
    return heldInTime ? Timing.ON_TIME : Timing.LATE;
  }

  /** Whether a pane is given out; one without new elements may not be. */
  boolean isWanted(WindowState state, Panes.Pane pane) {
    return state.dirty
        || (pane.timing() == Timing.ON_TIME
            && triggering.onTimeBehavior() == OnTimeBehavior.FIRE_ALWAYS)
        || (pane.last() && triggering.closingBehavior() == ClosingBehavior.EMIT_ALWAYS);
  }

  /** The timestamp of the next pane. */
  static long timestamp(WindowState state) {
    return state.elementHold == WindowState.NO_TIME ? state.end : state.elementHold;
  }

  /** The next event time at which something happens in a window. */
  long nextEventTime(WindowState state) {
    TriggerState trigger = state.trigger;
    long next =
        trigger == null
            ? WindowState.NO_TIME
            : machine.nextEventTime(trigger, state.end, isPast(state.end));
    return Math.min(next, state.expiry);
  }

  /** Where a window holds the output watermark; {@link EventTime#MAX} if it does not. */
  long hold(WindowState state) {
    if (!state.isOpen()) {
      return EventTime.MAX;
    }
    long hold = EventTime.MAX;
    if (state.dirty) {
      hold = Math.min(hold, state.elementHold);
      hold = Math.min(hold, lateHold(state));
    }
    if (triggering.onTimeBehavior() == OnTimeBehavior.FIRE_ALWAYS
        && state.panesNotEarly == 0
        && !isPast(state.end)
        && nextEventTime(state) == state.end) {
      hold = Math.min(hold, state.end);
    }
    if (triggering.closingBehavior() == ClosingBehavior.EMIT_ALWAYS) {
      hold = Math.min(hold, state.expiry);
    }
    return hold;
  }

  private static long lateHold(WindowState state) {
    return switch (state.lateHold) {
      case NONE -> EventTime.MAX;
      case END_OF_WINDOW -> state.end;
      case EXPIRY -> state.expiry;
    };
  }
}
