package org.trestle.engine.windowing;

import java.util.function.Function;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.fn.wire.WindowCoder;

/**
 * What the runner needs of a windowing strategy.
 *
 * @param windowFn as the SDK gave it
 * @param merging whether a grouping has to merge windows: a merging window fn that has not been
 *     applied yet
 * @param trigger when elements are given out; the default one if the strategy does not say
 * @param defaultTrigger whether a window fires at its end and not again, but for late elements: the
 *     trigger is the default one, never, or the end of the window without early and late firings
 * @param allowedLateness in milliseconds
 * @param environment where the window fn can run; empty if the strategy does not say
 */
public record WindowingStrategySpec(
    WindowFnKind kind,
    FunctionSpec windowFn,
    boolean merging,
    OutputTime outputTime,
    Trigger trigger,
    boolean defaultTrigger,
    Accumulation accumulation,
    ClosingBehavior closingBehavior,
    OnTimeBehavior onTimeBehavior,
    long allowedLateness,
    WindowCoder windowCoder,
    String environment) {

  /** The window fns that a runner knows, and all others. */
  public enum WindowFnKind {
    GLOBAL,
    FIXED,
    SLIDING,
    SESSIONS,
    CUSTOM
  }

  /** Which timestamp a group gets. */
  public enum OutputTime {
    END_OF_WINDOW,
    EARLIEST,
    LATEST
  }

  /** What becomes of a pane's elements after it was given out. */
  public enum Accumulation {
    DISCARDING,
    ACCUMULATING,
    RETRACTING
  }

  /** Whether a window's last pane is given out at its expiry if nothing has come since the last. */
  public enum ClosingBehavior {
    EMIT_ALWAYS,
    EMIT_IF_NONEMPTY
  }

  /** Whether the pane at the end of a window is given out if nothing has come since the last. */
  public enum OnTimeBehavior {
    FIRE_ALWAYS,
    FIRE_IF_NONEMPTY
  }

  /** Whether each window of bounded input has one pane: nothing is early, and nothing late. */
  public boolean onePaneOfBoundedInput() {
    return !trigger.canFireEarly();
  }

  /**
   * Reads a windowing strategy.
   *
   * @param windowCoders gives the window coder of a coder id
   * @throws IllegalArgumentException if a required part is missing or unknown, naming it
   */
  public static WindowingStrategySpec parse(
      WindowingStrategy proto, Function<String, WindowCoder> windowCoders) {
    return WindowingStrategyParser.parse(proto, windowCoders);
  }
}
