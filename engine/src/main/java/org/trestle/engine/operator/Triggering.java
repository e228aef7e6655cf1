package org.trestle.engine.operator;

import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowingStrategySpec;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.engine.windowing.WindowingStrategySpec.ClosingBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;

/**
 * When and how a grouping gives out the elements of a key and window.
 *
 * @param allowedLateness in milliseconds
 * @param merger merges the windows of each key; null if windows do not merge
 * @param firingsReplace whether elements that came out of a trigger replace those of the firings of
 *     their window before; else all elements add up
 */
public record Triggering(
    Trigger trigger,
    Accumulation accumulation,
    OutputTime outputTime,
    ClosingBehavior closingBehavior,
    OnTimeBehavior onTimeBehavior,
    long allowedLateness,
    @Nullable WindowMerger merger,
    boolean firingsReplace) {

  public Triggering {
    if (accumulation == Accumulation.RETRACTING) {
      throw new IllegalArgumentException("retractions are not supported");
    }
    if (allowedLateness < 0) {
      throw new IllegalArgumentException("allowed lateness below zero: " + allowedLateness);
    }
  }

  /**
   * The triggering of a windowing strategy.
   *
   * @throws IllegalArgumentException if it is not supported
   */
  public static Triggering of(WindowingStrategySpec strategy, @Nullable WindowMerger merger) {
    return of(strategy, strategy.onTimeBehavior(), merger);
  }

  private static Triggering of(
      WindowingStrategySpec strategy,
      OnTimeBehavior onTimeBehavior,
      @Nullable WindowMerger merger) {
    return new Triggering(
        strategy.trigger(),
        strategy.accumulation(),
        strategy.outputTime(),
        strategy.closingBehavior(),
        onTimeBehavior,
        strategy.allowedLateness(),
        merger,
        false);
  }

  /**
   * The triggering of bounded input. Of a trigger that does not look at the end of the window, the
   * pane there only says that nothing has come since the last one. It is left out: whether there is
   * one depends on how fast the input came, and to those who read the latest pane it would be all
   * there is.
   *
   * @throws IllegalArgumentException if the strategy is not supported
   */
  public static Triggering ofBounded(
      WindowingStrategySpec strategy, @Nullable WindowMerger merger) {
    OnTimeBehavior onTimeBehavior =
        strategy.trigger().waitsForEndOfWindow()
            ? strategy.onTimeBehavior()
            : OnTimeBehavior.FIRE_IF_NONEMPTY;
    return of(strategy, onTimeBehavior, merger);
  }

  /**
   * The triggering of a side input, whose panes are what its readers see: one without new elements
   * would only take away what they see.
   *
   * @param firingsReplace as {@link #firingsReplace}
   * @throws IllegalArgumentException if the strategy is not supported
   */
  public static Triggering ofSideInput(WindowingStrategySpec strategy, boolean firingsReplace) {
    return new Triggering(
        strategy.trigger(),
        strategy.accumulation(),
        strategy.outputTime(),
        ClosingBehavior.EMIT_IF_NONEMPTY,
        OnTimeBehavior.FIRE_IF_NONEMPTY,
        strategy.allowedLateness(),
        null,
        firingsReplace);
  }

  /** The last moment at which elements of a window that ends at this time are not dropped. */
  long expiry(long windowEnd) {
    long sum = windowEnd + allowedLateness;
    boolean overflow = windowEnd > 0 && sum < 0;
    return overflow ? EventTime.MAX : Math.min(sum, EventTime.MAX);
  }
}
