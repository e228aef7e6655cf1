package org.trestle.engine.windowing;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.AfterAll;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.AfterAny;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.AfterEach;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.AfterEndOfWindow;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.AfterProcessingTime;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.ElementCount;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.OrFinally;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger.Repeat;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.EventTime;

class FiringGuaranteeTest {
  private static final Trigger END_OF_WINDOW =
      Trigger.newBuilder().setAfterEndOfWindow(AfterEndOfWindow.getDefaultInstance()).build();
  private static final Trigger COUNT =
      Trigger.newBuilder().setElementCount(ElementCount.newBuilder().setElementCount(1)).build();
  private static final Trigger CLOCK =
      Trigger.newBuilder().setAfterProcessingTime(AfterProcessingTime.getDefaultInstance()).build();

  private static long of(Trigger.Builder trigger) {
    return FiringGuarantee.of(trigger.build(), 99);
  }

  @Test
  void windowsWithoutElementsAreKnownAtTheirEndOrNever() {
    assertThat(of(Trigger.newBuilder())).isEqualTo(99);
    assertThat(of(END_OF_WINDOW.toBuilder())).isEqualTo(99);
    assertThat(of(COUNT.toBuilder())).isEqualTo(EventTime.MAX);
    assertThat(of(CLOCK.toBuilder())).isEqualTo(EventTime.MAX);
  }

  @Test
  void compositesJoinTheirParts() {
    assertThat(of(Trigger.newBuilder().setRepeat(Repeat.newBuilder().setSubtrigger(CLOCK))))
        .isEqualTo(EventTime.MAX);
    assertThat(of(Trigger.newBuilder().setRepeat(Repeat.newBuilder().setSubtrigger(END_OF_WINDOW))))
        .isEqualTo(99);
    AfterAny any =
        AfterAny.newBuilder().addSubtriggers(COUNT).addSubtriggers(END_OF_WINDOW).build();
    assertThat(of(Trigger.newBuilder().setAfterAny(any))).isEqualTo(99);
    AfterAll all =
        AfterAll.newBuilder().addSubtriggers(COUNT).addSubtriggers(END_OF_WINDOW).build();
    assertThat(of(Trigger.newBuilder().setAfterAll(all))).isEqualTo(EventTime.MAX);
    OrFinally or = OrFinally.newBuilder().setMain(CLOCK).setFinally(END_OF_WINDOW).build();
    assertThat(of(Trigger.newBuilder().setOrFinally(or))).isEqualTo(99);
    AfterEach each =
        AfterEach.newBuilder().addSubtriggers(END_OF_WINDOW).addSubtriggers(COUNT).build();
    assertThat(of(Trigger.newBuilder().setAfterEach(each))).isEqualTo(99);
  }
}
