package org.trestle.engine.windowing;

import java.util.function.Function;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.engine.windowing.WindowingStrategySpec.ClosingBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.engine.windowing.WindowingStrategySpec.WindowFnKind;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.proto.Urns;

/** Turns the proto of a windowing strategy into a {@link WindowingStrategySpec}. */
final class WindowingStrategyParser {
  private WindowingStrategyParser() {}

  static WindowingStrategySpec parse(
      WindowingStrategy proto, Function<String, WindowCoder> windowCoders) {
    if (proto.getWindowFn().getUrn().isEmpty()) {
      throw new IllegalArgumentException("windowing strategy without a window fn");
    }
    Trigger trigger = TriggerParser.parse(proto.getTrigger());
    return new WindowingStrategySpec(
        kind(proto.getWindowFn().getUrn()),
        proto.getWindowFn(),
        merging(proto),
        outputTime(proto),
        trigger,
        isDefault(trigger),
        accumulation(proto),
        closingBehavior(proto),
        onTimeBehavior(proto),
        proto.getAllowedLateness(),
        windowCoders.apply(proto.getWindowCoderId()),
        proto.getEnvironmentId());
  }

  private static WindowFnKind kind(String urn) {
    if (urn.equals(Urns.WindowFns.GLOBAL)) {
      return WindowFnKind.GLOBAL;
    }
    if (urn.equals(Urns.WindowFns.FIXED)) {
      return WindowFnKind.FIXED;
    }
    if (urn.equals(Urns.WindowFns.SLIDING)) {
      return WindowFnKind.SLIDING;
    }
    return urn.equals(Urns.WindowFns.SESSION) ? WindowFnKind.SESSIONS : WindowFnKind.CUSTOM;
  }

  private static boolean merging(WindowingStrategy proto) {
    return switch (proto.getMergeStatus()) {
      case NEEDS_MERGE -> true;
      case NON_MERGING, ALREADY_MERGED -> false;
      case UNSPECIFIED, UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "windowing strategy with unknown merge_status " + proto.getMergeStatusValue());
    };
  }

  private static OutputTime outputTime(WindowingStrategy proto) {
    return switch (proto.getOutputTime()) {
      // Unset in old pipelines; the end of the window is every SDK's default.
      case UNSPECIFIED, END_OF_WINDOW -> OutputTime.END_OF_WINDOW;
      case EARLIEST_IN_PANE -> OutputTime.EARLIEST;
      case LATEST_IN_PANE -> OutputTime.LATEST;
      case UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "windowing strategy with unknown output_time " + proto.getOutputTimeValue());
    };
  }

  private static Accumulation accumulation(WindowingStrategy proto) {
    return switch (proto.getAccumulationMode()) {
      case UNSPECIFIED, DISCARDING -> Accumulation.DISCARDING;
      case ACCUMULATING -> Accumulation.ACCUMULATING;
      case RETRACTING -> Accumulation.RETRACTING;
      case UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "windowing strategy with unknown accumulation_mode "
                  + proto.getAccumulationModeValue());
    };
  }

  private static ClosingBehavior closingBehavior(WindowingStrategy proto) {
    return switch (proto.getClosingBehavior()) {
      case UNSPECIFIED, EMIT_IF_NONEMPTY -> ClosingBehavior.EMIT_IF_NONEMPTY;
      case EMIT_ALWAYS -> ClosingBehavior.EMIT_ALWAYS;
      case UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "windowing strategy with unknown closing_behavior "
                  + proto.getClosingBehaviorValue());
    };
  }

  private static OnTimeBehavior onTimeBehavior(WindowingStrategy proto) {
    return switch (proto.getOnTimeBehavior()) {
      case UNSPECIFIED, FIRE_ALWAYS -> OnTimeBehavior.FIRE_ALWAYS;
      case FIRE_IF_NONEMPTY -> OnTimeBehavior.FIRE_IF_NONEMPTY;
      case UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "windowing strategy with unknown on_time_behavior " + proto.getOnTimeBehaviorValue());
    };
  }

  private static boolean isDefault(Trigger trigger) {
    return trigger instanceof Trigger.Default
        || trigger instanceof Trigger.Never
        || (trigger instanceof Trigger.AfterEndOfWindow end
            && end.early() == null
            && end.late() == null);
  }
}
