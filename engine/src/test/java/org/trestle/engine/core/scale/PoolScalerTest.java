package org.trestle.engine.core.scale;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class PoolScalerTest {
  private static final long GIB = 1L << 30;
  private static final PoolLimits ONE_WORKER = new PoolLimits(1, 1, 2, 16);
  private static final PoolLimits PROCESSES = new PoolLimits(1, 4, 1, 8);

  private static PoolLoad load(int workers, double idleCores, double wantedCores) {
    return new PoolLoad(
        workers, 0, 4, idleCores, OptionalDouble.of(wantedCores), 8 * GIB, GIB, false);
  }

  private static PoolLoad unseen(int workers, double idleCores) {
    return new PoolLoad(workers, 0, 4, idleCores, OptionalDouble.empty(), 8 * GIB, 0, false);
  }

  private static @Nullable PoolSize looks(
      PoolScaler scaler, int count, PoolLoad load, int busy, boolean waiting) {
    for (int i = 1; i < count; i++) {
      assertThat(scaler.look(load, busy, waiting)).as("look %d", i).isNull();
    }
    return scaler.look(load, busy, waiting);
  }

  @Test
  void moreBundlesRunAtOnceOnAWorkerThatWaits() {
    PoolScaler scaler = new PoolScaler(ONE_WORKER, 1);
    PoolSize size = looks(scaler, 3, load(1, 0, 0.1), 2, true);
    assertThat(size)
        .isEqualTo(
            new PoolSize(
                1,
                4,
                "all 2 slots are in use and more work waits, while the workers want no more than"
                    + " 0.1 processors"));
    assertThat(looks(scaler, 3, load(1, 0, 0.1), 4, true)).extracting("bundles").isEqualTo(8);
    assertThat(looks(scaler, 3, load(1, 0, 0.1), 8, true)).extracting("bundles").isEqualTo(16);
    assertThat(looks(scaler, 9, load(1, 0, 0.1), 16, true)).as("at its limit").isNull();
  }

  @Test
  void noMoreBundlesRunAtOnceWhileMemoryForTheirDataIsFull() {
    PoolLoad full = new PoolLoad(1, 0, 4, 0, OptionalDouble.of(0.1), 8 * GIB, GIB, true);
    assertThat(looks(new PoolScaler(ONE_WORKER, 1), 9, full, 2, true)).isNull();
  }

  @Test
  void nothingGrowsWhileSlotsAreFreeOrNothingWaits() {
    PoolScaler scaler = new PoolScaler(ONE_WORKER, 1);
    assertThat(looks(scaler, 9, load(1, 4, 0), 1, true)).isNull();
    assertThat(looks(scaler, 9, load(1, 4, 0), 2, false)).isNull();
  }

  @Test
  void oneLookAtFullSlotsIsNotEnough() {
    PoolScaler scaler = new PoolScaler(ONE_WORKER, 1);
    for (int i = 0; i < 5; i++) {
      assertThat(scaler.look(load(1, 4, 0), 2, true)).isNull();
      assertThat(scaler.look(load(1, 4, 0), 1, true)).isNull();
    }
  }

  @Test
  void workersThatWaitNowAndThenGetNoMoreBundles() {
    PoolScaler scaler = new PoolScaler(ONE_WORKER, 1);
    for (int i = 0; i < 5; i++) {
      assertThat(looks(scaler, 2, load(1, 3, 0.1), 2, true)).isNull();
      assertThat(looks(scaler, 2, load(1, 0, 2), 2, true)).isNull();
    }
  }

  @Test
  void aWorkerThatNobodyCanSeeGetsMoreBundlesOnlyOnAnIdleMachine() {
    assertThat(looks(new PoolScaler(ONE_WORKER, 1), 9, unseen(1, 0.5), 2, true)).isNull();
    assertThat(looks(new PoolScaler(ONE_WORKER, 1), 3, unseen(1, 3), 2, true))
        .extracting("bundles", "reason")
        .containsExactly(
            4, "all 2 slots are in use and more work waits, while 3.0 of 4 processors are idle");
  }

  @Test
  void moreWorkersStartWhereTheirProcessorsAreBusyAndOthersIdle() {
    PoolScaler scaler = new PoolScaler(PROCESSES, 1);
    assertThat(looks(scaler, 8, load(1, 3, 1), 1, true)).extracting("workers").isEqualTo(4);
    assertThat(looks(new PoolScaler(PROCESSES, 1), 9, load(1, 0.2, 1), 1, true))
        .as("no processor is idle")
        .isNull();
  }

  @Test
  void noWorkerStartsWithoutMemoryForIt() {
    PoolLoad tight = new PoolLoad(1, 0, 4, 3, OptionalDouble.of(1), GIB, GIB, false);
    assertThat(looks(new PoolScaler(PROCESSES, 1), 9, tight, 1, true)).isNull();
  }

  @Test
  void nothingGrowsWhileWorkersStart() {
    PoolLoad starting = new PoolLoad(1, 1, 4, 3, OptionalDouble.of(1), 8 * GIB, GIB, false);
    assertThat(looks(new PoolScaler(PROCESSES, 1), 9, starting, 1, true)).isNull();
  }

  @Test
  void idleWorkersLeaveOneByOne() {
    PoolScaler scaler = new PoolScaler(PROCESSES, 3);
    assertThat(looks(scaler, 120, load(3, 4, 0), 1, false))
        .isEqualTo(new PoolSize(2, 1, "only 1 bundles ran at once for 30 s"));
    assertThat(looks(scaler, 120, load(2, 4, 0), 0, false)).extracting("workers").isEqualTo(1);
    assertThat(looks(scaler, 360, load(1, 4, 0), 0, false)).as("at its limit").isNull();
  }

  @Test
  void fewerBundlesRunAtOnceWhenTheyNeedTheProcessorsAfterAll() {
    PoolScaler scaler = new PoolScaler(ONE_WORKER, 1);
    looks(scaler, 3, load(1, 3, 0.1), 2, true);
    looks(scaler, 3, load(1, 3, 0.1), 4, true);
    assertThat(looks(scaler, 12, load(1, 0.1, 6), 8, false))
        .isEqualTo(new PoolSize(1, 4, "the processors are all busy"));
    assertThat(looks(scaler, 12, load(1, 0.1, 6), 4, false)).extracting("bundles").isEqualTo(2);
    assertThat(looks(scaler, 36, load(1, 0.1, 6), 2, false)).isNull();
  }

  @Test
  void aMachineThatOthersKeepBusyTakesNothingFromWorkersThatWait() {
    PoolScaler scaler = new PoolScaler(ONE_WORKER, 1);
    looks(scaler, 3, load(1, 3, 0.1), 2, true);
    assertThat(looks(scaler, 36, load(1, 0, 0.1), 4, false)).isNull();
  }

  @Test
  void newLimitsHoldAtOnce() {
    PoolScaler scaler = new PoolScaler(PROCESSES, 2);
    assertThat(scaler.limit(PROCESSES.withWorkers(1, 3))).isNull();
    assertThat(scaler.limit(PROCESSES.withWorkers(3, 6)))
        .isEqualTo(new PoolSize(3, 1, "between 3 and 6 workers are asked for"));
    assertThat(scaler.limit(PROCESSES.withWorkers(1, 1))).extracting("workers").isEqualTo(1);
  }

  @Test
  void limitsThatContradictEachOtherAreRefused() {
    assertThatThrownBy(() -> PROCESSES.withWorkers(3, 2))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> PROCESSES.withWorkers(0, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
