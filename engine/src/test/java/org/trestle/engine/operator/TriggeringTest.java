package org.trestle.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.junit.jupiter.api.Test;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.engine.windowing.WindowingStrategySpec;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.proto.Urns.WindowFns;

class TriggeringTest {
  private static final Trigger BY_COUNT =
      Trigger.newBuilder()
          .setElementCount(Trigger.ElementCount.newBuilder().setElementCount(1))
          .build();

  private static WindowingStrategySpec strategy(Trigger trigger) {
    return WindowingStrategySpec.parse(
        WindowingStrategy.newBuilder()
            .setWindowFn(FunctionSpec.newBuilder().setUrn(WindowFns.GLOBAL))
            .setMergeStatus(MergeStatus.Enum.NON_MERGING)
            .setTrigger(trigger)
            .build(),
        coderId -> TestingElements.GLOBAL);
  }

  @Test
  void boundedInputHasAnEmptyPaneOnTimeOnlyIfItsTriggerLooksAtTheEndOfTheWindow() {
    Trigger endOfWindow =
        Trigger.newBuilder()
            .setAfterEndOfWindow(Trigger.AfterEndOfWindow.newBuilder().setEarlyFirings(BY_COUNT))
            .build();

    assertThat(Triggering.ofBounded(strategy(BY_COUNT), null).onTimeBehavior())
        .isEqualTo(OnTimeBehavior.FIRE_IF_NONEMPTY);
    assertThat(Triggering.ofBounded(strategy(endOfWindow), null).onTimeBehavior())
        .isEqualTo(OnTimeBehavior.FIRE_ALWAYS);
    assertThat(Triggering.of(strategy(BY_COUNT), null).onTimeBehavior())
        .isEqualTo(OnTimeBehavior.FIRE_ALWAYS);
  }
}
