package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.keyed;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;
import static org.trestle.engine.core.schedule.CoreDriver.set;
import static org.trestle.engine.core.schedule.CoreDriver.timer;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.EventTime;

final class WatermarkTest {
  private static final SchedulingPolicy STREAMING =
      new SchedulingPolicy(4, 1, 1, 1, 1 << 20, 1, 1, 1000, 2000, true);

  @Test
  void isTheMinimumOfPendingElementsAndThoseInFlight() {
    CoreDriver job =
        new CoreDriver(
            STREAMING,
            List.of(map("m", "in", "out")),
            on("in", TestBlock.of(new long[] {1, 2, 3}, new long[] {10, 20, 30})));
    job.start(1);
    assertThat(job.watermark("out")).isEqualTo(10);
    BundleWork first = job.bundle();
    job.commit(first, on("out", TestBlock.at(10, 1)));
    assertThat(job.watermark("out")).isEqualTo(20);
    BundleWork second = job.bundle();
    job.fail(second, "again");
    assertThat(job.watermark("out")).isEqualTo(20);
    job.commit(job.bundle());
    assertThat(job.watermark("out")).isEqualTo(30);
    job.commit(job.bundle());
    assertThat(job.watermark("out")).isEqualTo(EventTime.MAX);
  }

  @Test
  void inBatchItJumpsWhenAllInputIsProcessed() {
    CoreDriver job =
        new CoreDriver(
            new SchedulingPolicy(4, 1, 1, 1, 1 << 20, 1, 1, 1000, 2000, false),
            List.of(map("m", "in", "out")),
            on("in", TestBlock.of(new long[] {1, 2}, new long[] {10, 20})));
    job.start(1);
    job.commit(job.bundle());
    assertThat(job.watermark("out")).isEqualTo(EventTime.MIN);
    job.commit(job.bundle());
    assertThat(job.watermark("out")).isEqualTo(EventTime.MAX);
  }

  @Test
  void anEdgeIsAsLateAsItsLatestProducer() {
    CoreDriver job =
        new CoreDriver(
            STREAMING,
            List.of(map("a", "x", "out"), map("b", "y", "out")),
            on("x", TestBlock.at(10, 1)),
            on("y", TestBlock.at(20, 2)));
    job.start(2);
    List<BundleWork> bundles = job.bundles();
    assertThat(job.watermark("out")).isEqualTo(10);
    assertThat(bundles.get(1).stage().value()).isEqualTo("a");
    job.commit(bundles.get(1));
    assertThat(job.watermark("out")).isEqualTo(20);
    job.commit(bundles.get(0));
    assertThat(job.watermark("out")).isEqualTo(EventTime.MAX);
  }

  @Test
  void neverGoesBackForLateElements() {
    CoreDriver job =
        new CoreDriver(
            STREAMING,
            List.of(map("a", "in", "x"), map("b", "x", "out")),
            on("in", TestBlock.of(new long[] {1, 2}, new long[] {10, 20})));
    job.start(1);
    job.commit(job.bundle());
    assertThat(job.watermark("x")).isEqualTo(20);
    job.commit(job.bundle(), on("x", TestBlock.at(5, 1)));
    assertThat(job.snapshot("b").inputWatermark()).isEqualTo(20);
    assertThat(job.watermark("out")).isEqualTo(20);
    job.commit(job.bundle());
    assertThat(job.end().outcome()).isEqualTo(Action.Outcome.DONE);
  }

  @Test
  void elementsAtTheEndOfTimeAreNotTheEnd() {
    CoreDriver job =
        new CoreDriver(
            STREAMING, List.of(map("m", "in", "out")), on("in", TestBlock.at(Long.MAX_VALUE, 1)));
    job.start(1);
    assertThat(job.watermark("out")).isEqualTo(EventTime.MAX - 1);
    assertThat(job.snapshot("m").complete()).isFalse();
  }

  @Test
  void aTimerHoldsTheOutputUntilItsFiringHasCommitted() {
    CoreDriver job =
        new CoreDriver(
            STREAMING,
            List.of(keyed("k", "in", "out")),
            keyedOn("in", group(1, TestBlock.at(10, 1))));
    job.start(1);
    TimerUpdate timer = new TimerUpdate.Set(timer(1, "t"), 1, TimeDomain.EVENT_TIME, 50, 40);
    job.commitTimers(job.bundle(), timer);
    assertThat(job.snapshot("k").inputWatermark()).isEqualTo(EventTime.MAX);
    assertThat(job.watermark("out")).isEqualTo(40);
    BundleWork firing = job.bundle();
    assertThat(firing.timers()).hasSize(1);
    job.fail(firing, "again");
    assertThat(job.watermark("out")).isEqualTo(40);
    job.commitTimers(job.bundle(), set(1, "next", 60));
    assertThat(job.watermark("out")).isEqualTo(60);
    job.commit(job.bundle());
    assertThat(job.end().outcome()).isEqualTo(Action.Outcome.DONE);
  }

  @Test
  void aResidualHoldsByItsOutputWatermarkInsteadOfItsElements() {
    CoreDriver job =
        new CoreDriver(
            STREAMING, List.of(map("read", "in", "out")), on("in", TestBlock.at(EventTime.MIN, 1)));
    job.start(1);
    job.commitResidual(job.bundle(), new Residual(TestBlock.at(EventTime.MIN, 1), 100, 70));
    assertThat(job.snapshot("read").inputWatermark()).isEqualTo(EventTime.MIN);
    assertThat(job.watermark("out")).isEqualTo(70);
    job.actions();
    job.core.tick(100);
    BundleWork rest = job.bundle();
    assertThat(job.watermark("out")).isEqualTo(70);
    job.commitResidual(rest, new Residual(TestBlock.at(EventTime.MIN, 1), 0, 60));
    assertThat(job.watermark("out")).isEqualTo(70);
    job.commit(job.bundle());
    assertThat(job.watermark("out")).isEqualTo(EventTime.MAX);
  }
}
