package org.trestle.engine.windowing;

import java.util.List;
import java.util.function.LongBinaryOperator;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.trestle.engine.core.port.EventTime;

/**
 * When a window of a trigger must have fired if it has any elements: once the watermark is after
 * this moment, a window that has not fired is empty.
 */
public final class FiringGuarantee {
  private FiringGuarantee() {}

  /**
   * The moment for a window; {@link EventTime#MAX} if only the end of the input tells.
   *
   * @param endOfWindow the window's maximum timestamp
   */
  public static long of(Trigger trigger, long endOfWindow) {
    return switch (trigger.getTriggerCase()) {
      case DEFAULT, AFTER_END_OF_WINDOW, TRIGGER_NOT_SET -> endOfWindow;
      case AFTER_PROCESSING_TIME,
          AFTER_SYNCHRONIZED_PROCESSING_TIME,
          ELEMENT_COUNT,
          ALWAYS,
          NEVER ->
          EventTime.MAX;
      case AFTER_ALL ->
          joined(trigger.getAfterAll().getSubtriggersList(), endOfWindow, EventTime.MIN, Math::max);
      case AFTER_ANY ->
          joined(trigger.getAfterAny().getSubtriggersList(), endOfWindow, EventTime.MAX, Math::min);
      // A sequence fires first when its first part does.
      case AFTER_EACH ->
          trigger.getAfterEach().getSubtriggersCount() == 0
              ? EventTime.MAX
              : of(trigger.getAfterEach().getSubtriggers(0), endOfWindow);
      case OR_FINALLY ->
          Math.min(
              of(trigger.getOrFinally().getMain(), endOfWindow),
              of(trigger.getOrFinally().getFinally(), endOfWindow));
      case REPEAT -> of(trigger.getRepeat().getSubtrigger(), endOfWindow);
    };
  }

  private static long joined(
      List<Trigger> triggers, long endOfWindow, long start, LongBinaryOperator join) {
    long joined = start;
    for (Trigger trigger : triggers) {
      joined = join.applyAsLong(joined, of(trigger, endOfWindow));
    }
    return joined;
  }
}
