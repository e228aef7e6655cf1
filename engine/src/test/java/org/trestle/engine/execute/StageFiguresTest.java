package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.execute.JobExecution.StageStatus;
import org.trestle.fn.wire.ByteSink;
import org.trestle.proto.Urns;

class StageFiguresTest {
  private static final long MILLI = 1_000_000;

  private final StageFigures figures = new StageFigures("stage", List.of("a", "b"), "env");

  private static MonitoringInfo millis(MonitoringInfoSpecs.Enum metric, long value) {
    return MonitoringInfo.newBuilder()
        .setUrn(Urns.of(metric))
        .setPayload(new ByteSink().putVarInt(value).toByteString())
        .build();
  }

  private void commit(long nanos) {
    BundleId id = new BundleId(1);
    BundleWork work =
        new BundleWork(
            id, new StageId("s"), List.of(), List.of(), List.of(), false, Attempts.NONE, 0, 0);
    BundleResult result = new BundleResult(id, List.of(), List.of(), List.of());
    figures.committed(work, result, nanos, new BundleClock());
  }

  @Test
  void timeThatNobodyAccountsForWentToTheWire() {
    commit(500 * MILLI);
    figures.commitTook(7 * MILLI);
    figures.harness(
        List.of(
            millis(MonitoringInfoSpecs.Enum.TOTAL_MSECS, 120),
            millis(MonitoringInfoSpecs.Enum.PROCESS_BUNDLE_MSECS, 110),
            millis(MonitoringInfoSpecs.Enum.TOTAL_MSECS, 80)));

    StageStatus status = figures.status();

    assertThat(status.profile().harnessMillis()).as("of both transforms").isEqualTo(200);
    assertThat(status.profile().commitMillis()).isEqualTo(7);
    assertThat(status.wireMillis()).isEqualTo(300);
  }

  @Test
  void harnessesMayMeasureMoreThanTheBundleTook() {
    commit(10 * MILLI);
    figures.harness(List.of(millis(MonitoringInfoSpecs.Enum.TOTAL_MSECS, 250)));

    assertThat(figures.status().wireMillis()).isZero();
  }
}
