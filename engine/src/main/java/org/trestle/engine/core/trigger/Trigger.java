package org.trestle.engine.core.trigger;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** When the elements that have come for a key and window are given out, as a pipeline says it. */
public sealed interface Trigger {

  /** The triggers that this one is made of, in order. */
  default List<Trigger> parts() {
    return List.of();
  }

  /** Whether this is so for one of the triggers that it is made of. */
  default boolean anyPart(Predicate<Trigger> what) {
    for (Trigger part : parts()) {
      if (what.test(part)) {
        return true;
      }
    }
    return false;
  }

  /** Whether it may fire before the end of a window. */
  default boolean canFireEarly() {
    return anyPart(Trigger::canFireEarly);
  }

  /** Whether the end of a window counts for it. */
  default boolean waitsForEndOfWindow() {
    return anyPart(Trigger::waitsForEndOfWindow);
  }

  /** Ready when all subtriggers are; then finished. */
  record AfterAll(List<Trigger> subtriggers) implements Trigger {
    public AfterAll {
      subtriggers = atLeastOne(subtriggers);
    }

    @Override
    public List<Trigger> parts() {
      return subtriggers;
    }
  }

  /** Ready when one of the subtriggers is; then finished. */
  record AfterAny(List<Trigger> subtriggers) implements Trigger {
    public AfterAny {
      subtriggers = atLeastOne(subtriggers);
    }

    @Override
    public List<Trigger> parts() {
      return subtriggers;
    }
  }

  /** Runs its subtriggers one after the other, each until it is finished. */
  record AfterEach(List<Trigger> subtriggers) implements Trigger {
    public AfterEach {
      subtriggers = atLeastOne(subtriggers);
    }

    @Override
    public List<Trigger> parts() {
      return subtriggers;
    }
  }

  /**
   * Ready when the watermark has passed the end of the window.
   *
   * @param early repeated before that; null for none
   * @param late repeated after that; null if the trigger is finished then
   */
  record AfterEndOfWindow(@Nullable Trigger early, @Nullable Trigger late) implements Trigger {
    @Override
    public List<Trigger> parts() {
      List<Trigger> parts = new ArrayList<>();
      if (early != null) {
        parts.add(early);
      }
      if (late != null) {
        parts.add(late);
      }
      return parts;
    }

    @Override
    public boolean canFireEarly() {
      return early != null && early.canFireEarly();
    }

    @Override
    public boolean waitsForEndOfWindow() {
      return true;
    }
  }

  /**
   * Ready at a moment of processing time that is computed from the arrival of the pane's first
   * element, and is after that; then finished.
   *
   * @param transforms applied to the time of arrival, in order
   */
  record AfterProcessingTime(List<TimestampTransform> transforms) implements Trigger {
    public AfterProcessingTime {
      transforms = List.copyOf(transforms);
    }

    @Override
    public boolean canFireEarly() {
      return true;
    }
  }

  /**
   * Ready when processing time has passed the arrival of the pane's first element; then finished.
   */
  record AfterSynchronizedProcessingTime() implements Trigger {
    @Override
    public boolean canFireEarly() {
      return true;
    }
  }

  /** Always ready. */
  record Always() implements Trigger {
    @Override
    public boolean canFireEarly() {
      return true;
    }
  }

  /** Ready whenever the watermark has passed the end of the window; never finished. */
  record Default() implements Trigger {
    @Override
    public boolean waitsForEndOfWindow() {
      return true;
    }
  }

  /** Ready when the pane has so many elements; then finished. */
  record ElementCount(int count) implements Trigger {
    public ElementCount {
      if (count < 1) {
        throw new IllegalArgumentException("element count of " + count + ", which is below 1");
      }
    }

    @Override
    public boolean canFireEarly() {
      return true;
    }
  }

  /** Never ready: the only output is the one at the window's expiry. */
  record Never() implements Trigger {}

  /**
   * Runs a trigger until it is finished or another one fires.
   *
   * @param until counts over all panes of {@code main}
   */
  record OrFinally(Trigger main, Trigger until) implements Trigger {
    @Override
    public List<Trigger> parts() {
      return List.of(main, until);
    }
  }

  /** Runs a trigger again and again; never finished. */
  record Repeat(Trigger subtrigger) implements Trigger {
    @Override
    public List<Trigger> parts() {
      return List.of(subtrigger);
    }
  }

  /** Makes another moment of a moment of processing time, both in milliseconds. */
  sealed interface TimestampTransform {
    /** The moment that comes of this one. */
    long apply(long time);

    /** Waits some milliseconds. */
    record Delay(long millis) implements TimestampTransform {
      @Override
      public long apply(long time) {
        long sum = time + millis;
        // Saturates: a delay may be as long as "never".
        return ((time ^ sum) & (millis ^ sum)) < 0
            ? (millis < 0 ? Long.MIN_VALUE : Long.MAX_VALUE)
            : sum;
      }
    }

    /** Goes on to the next multiple of the period after the offset, unless it is at one. */
    record AlignTo(long period, long offset) implements TimestampTransform {
      public AlignTo {
        if (period < 1) {
          throw new IllegalArgumentException("period of " + period + " ms, which is below 1");
        }
      }

      @Override
      public long apply(long time) {
        long beyond = Math.floorMod(time - offset, period);
        return beyond == 0 ? time : new Delay(period - beyond).apply(time);
      }
    }
  }

  private static List<Trigger> atLeastOne(List<Trigger> subtriggers) {
    if (subtriggers.isEmpty()) {
      throw new IllegalArgumentException("no subtriggers");
    }
    return List.copyOf(subtriggers);
  }
}
