package org.trestle.engine.windowing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.beam.model.pipeline.v1.RunnerApi.AccumulationMode;
import org.apache.beam.model.pipeline.v1.RunnerApi.ClosingBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.OnTimeBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.OutputTime;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.engine.windowing.WindowingStrategySpec.WindowFnKind;
import org.trestle.fn.wire.WindowCoder;

class WindowingStrategySpecTest {
  private static final WindowCoder WINDOW_CODER =
      new WindowCoder() {
        @Override
        public int skip(byte[] buffer, int position, int limit) {
          return position;
        }

        @Override
        public long maxTimestamp(byte[] buffer, int position, int limit) {
          return 0;
        }
      };

  @ParameterizedTest
  @CsvSource({
    "beam:window_fn:global_windows:v1, GLOBAL",
    "beam:window_fn:fixed_windows:v1, FIXED",
    "beam:window_fn:sliding_windows:v1, SLIDING",
    "beam:window_fn:session_windows:v1, SESSIONS",
    "beam:window_fn:serialized_java:v1, CUSTOM"
  })
  void knowsTheStandardWindowFns(String urn, WindowFnKind kind) {
    WindowingStrategy proto = strategy().setWindowFn(FunctionSpec.newBuilder().setUrn(urn)).build();
    assertThat(parse(proto).kind()).isEqualTo(kind);
  }

  @Test
  void readsAllParts() {
    WindowingStrategySpec spec =
        parse(
            strategy()
                .setMergeStatus(MergeStatus.Enum.NEEDS_MERGE)
                .setOutputTime(OutputTime.Enum.LATEST_IN_PANE)
                .setAccumulationMode(AccumulationMode.Enum.ACCUMULATING)
                .setClosingBehavior(ClosingBehavior.Enum.EMIT_ALWAYS)
                .setOnTimeBehavior(OnTimeBehavior.Enum.FIRE_IF_NONEMPTY)
                .setAllowedLateness(17)
                .setEnvironmentId("env")
                .setTrigger(Trigger.newBuilder().setAlways(Trigger.Always.getDefaultInstance()))
                .build());

    assertThat(spec.merging()).isTrue();
    assertThat(spec.outputTime()).isEqualTo(WindowingStrategySpec.OutputTime.LATEST);
    assertThat(spec.accumulation()).isEqualTo(Accumulation.ACCUMULATING);
    assertThat(spec.closingBehavior()).isEqualTo(WindowingStrategySpec.ClosingBehavior.EMIT_ALWAYS);
    assertThat(spec.onTimeBehavior())
        .isEqualTo(WindowingStrategySpec.OnTimeBehavior.FIRE_IF_NONEMPTY);
    assertThat(spec.trigger()).isEqualTo(new org.trestle.engine.core.trigger.Trigger.Always());
    assertThat(spec.allowedLateness()).isEqualTo(17);
    assertThat(spec.environment()).isEqualTo("env");
    assertThat(spec.defaultTrigger()).isFalse();
    assertThat(spec.windowCoder()).isSameAs(WINDOW_CODER);
  }

  @Test
  void windowsThatWereMergedAreNotMergedAgain() {
    assertThat(parse(strategy().setMergeStatus(MergeStatus.Enum.ALREADY_MERGED).build()).merging())
        .isFalse();
  }

  @Test
  void endOfWindowWithoutEarlyOrLateFiringsIsTheDefaultTrigger() {
    Trigger.AfterEndOfWindow plain = Trigger.AfterEndOfWindow.getDefaultInstance();
    Trigger.AfterEndOfWindow early =
        plain.toBuilder()
            .setEarlyFirings(Trigger.newBuilder().setAlways(Trigger.Always.getDefaultInstance()))
            .build();

    assertThat(parse(strategy().setTrigger(trigger(plain)).build()).defaultTrigger()).isTrue();
    assertThat(parse(strategy().setTrigger(trigger(early)).build()).defaultTrigger()).isFalse();
  }

  @Test
  void earlyFiringsMakeSeveralPanesOfBoundedInputAndLateOnesDoNot() {
    Trigger byTime =
        Trigger.newBuilder()
            .setAfterProcessingTime(Trigger.AfterProcessingTime.getDefaultInstance())
            .build();
    Trigger byCount =
        Trigger.newBuilder()
            .setElementCount(Trigger.ElementCount.newBuilder().setElementCount(2))
            .build();
    Trigger.AfterEndOfWindow end = Trigger.AfterEndOfWindow.getDefaultInstance();

    assertThat(onePaneOfBoundedInput(repeated(byTime))).isFalse();
    assertThat(onePaneOfBoundedInput(repeated(byCount))).isFalse();
    assertThat(onePaneOfBoundedInput(repeated(trigger(end)))).isTrue();
    assertThat(onePaneOfBoundedInput(trigger(end.toBuilder().setEarlyFirings(byTime).build())))
        .isFalse();
    assertThat(onePaneOfBoundedInput(trigger(end.toBuilder().setLateFirings(byCount).build())))
        .isTrue();
  }

  private static boolean onePaneOfBoundedInput(Trigger trigger) {
    return parse(strategy().setTrigger(trigger).build()).onePaneOfBoundedInput();
  }

  private static Trigger repeated(Trigger trigger) {
    return Trigger.newBuilder()
        .setRepeat(Trigger.Repeat.newBuilder().setSubtrigger(trigger))
        .build();
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    assertThatThrownBy(() -> parse(strategy().clearWindowFn().build()))
        .hasMessageContaining("without a window fn");
    assertThatThrownBy(() -> parse(strategy().clearMergeStatus().build()))
        .hasMessageContaining("merge_status 0");
    assertThatThrownBy(() -> parse(strategy().setOutputTimeValue(99).build()))
        .hasMessageContaining("output_time 99");
    assertThatThrownBy(() -> parse(strategy().setClosingBehaviorValue(99).build()))
        .hasMessageContaining("closing_behavior 99");
    assertThatThrownBy(() -> parse(strategy().setOnTimeBehaviorValue(99).build()))
        .hasMessageContaining("on_time_behavior 99");
    assertThatThrownBy(() -> parse(strategy().setAccumulationModeValue(99).build()))
        .hasMessageContaining("accumulation_mode 99");
  }

  private static Trigger trigger(Trigger.AfterEndOfWindow trigger) {
    return Trigger.newBuilder().setAfterEndOfWindow(trigger).build();
  }

  private static WindowingStrategy.Builder strategy() {
    return WindowingStrategy.newBuilder()
        .setWindowFn(FunctionSpec.newBuilder().setUrn("beam:window_fn:global_windows:v1"))
        .setMergeStatus(MergeStatus.Enum.NON_MERGING)
        .setOutputTime(OutputTime.Enum.END_OF_WINDOW)
        .setWindowCoderId("w");
  }

  private static WindowingStrategySpec parse(WindowingStrategy proto) {
    return WindowingStrategySpec.parse(
        proto,
        id -> {
          assertThat(id).isEqualTo("w");
          return WINDOW_CODER;
        });
  }
}
