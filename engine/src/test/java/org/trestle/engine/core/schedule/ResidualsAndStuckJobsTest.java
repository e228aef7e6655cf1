package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.keyed;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;
import static org.trestle.engine.core.schedule.CoreDriver.setProcessing;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.Action.Outcome;
import org.trestle.engine.core.schedule.Action.WakeAt;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;

final class ResidualsAndStuckJobsTest {
  private static final SchedulingPolicy POLICY = SchedulingPolicy.BATCH;

  private static CoreDriver oneStage(int elements) {
    return new CoreDriver(
        POLICY, List.of(map("m", "in", "out")), on("in", TestBlock.count(elements, 0)));
  }

  private static Residual residual(int value, long delay) {
    return new Residual(TestBlock.at(0, value), delay, 0);
  }

  @Test
  void whatASplitGivesBackRunsElsewhereAtOnce() {
    CoreDriver job = oneStage(10);
    job.start(2);
    BundleWork all = job.bundle();
    TestBlock block = (TestBlock) all.elements().get(0);

    job.core.bundleSplit(
        all.id(), List.of(block.slice(0, 4)), List.of(new Residual(block.slice(4, 10), 0, 0)));

    // One slot is free: half of what came back is for it, the other half for who is done next.
    BundleWork rest = job.bundle();
    assertThat(TestBlock.values(rest.elements())).startsWith(4L);
    job.fail(all, "lost");
    BundleWork again = job.bundle();
    assertThat(TestBlock.values(again.elements())).containsExactly(0L, 1L, 2L, 3L);
    assertThat(again.attempt()).isEqualTo(2);

    List<Long> seen = new ArrayList<>();
    List<BundleWork> running = new ArrayList<>(List.of(rest, again));
    while (!running.isEmpty()) {
      BundleWork next = running.remove(0);
      seen.addAll(TestBlock.values(next.elements()));
      job.commit(next);
      if (!job.core.isEnded()) {
        running.addAll(job.bundles());
      }
    }
    assertThat(seen).containsExactlyInAnyOrder(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    assertThat(job.core.isEnded()).isTrue();
  }

  @Test
  void aSplitOfABundleThatIsOverIsIgnored() {
    CoreDriver job = oneStage(1);
    job.start(1);
    job.core.bundleSplit(new BundleId(77), List.of(), List.of(residual(1, 0)));
    BundleWork work = job.bundle();
    job.commit(work);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void aKeyedBundleCannotBeSplit() {
    CoreDriver job =
        new CoreDriver(
            POLICY, List.of(keyed("k", "in", "")), keyedOn("in", group(1, TestBlock.at(0, 1))));
    job.start(1);
    BundleWork work = job.bundle();
    assertThatThrownBy(() -> job.core.bundleSplit(work.id(), List.of(), List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void delayedResidualsWaitForTheClock() {
    CoreDriver job = oneStage(1);
    job.start(1);
    job.core.tick(1000);
    job.commitResidual(job.bundle(), residual(1, 50), residual(2, 20));
    assertThat(job.actions()).containsExactly(new WakeAt(1020));
    assertThat(job.snapshot("m").pendingElements()).isEqualTo(2);
    job.core.tick(1019);
    assertThat(job.actions()).isEmpty();
    job.core.tick(1020);
    List<Action> due = job.actions();
    assertThat(due).hasSize(2).endsWith(new WakeAt(1050));
    BundleWork first = ((Action.StartBundle) due.get(0)).work();
    assertThat(TestBlock.values(first.elements())).containsExactly(2L);
    job.commit(first);
    assertThat(job.actions()).isEmpty();
    job.core.tick(2000);
    job.commit(job.bundle());
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void askedToWakeEarlierWhenSomethingIsDueEarlier() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("a", "x", ""), map("b", "y", "")),
            on("x", TestBlock.at(0, 1)),
            on("y", TestBlock.at(0, 2)));
    job.start(2);
    List<BundleWork> bundles = job.bundles();
    job.commitResidual(bundles.get(0), residual(1, 100));
    assertThat(job.actions()).containsExactly(new WakeAt(100));
    job.commitResidual(bundles.get(1), residual(2, 40));
    assertThat(job.actions()).containsExactly(new WakeAt(40));
    job.core.tick(40);
    assertThat(job.actions()).hasSize(2).contains(new WakeAt(100));
  }

  @Test
  void aResidualThatComesBackForEverLeavesRoomForOthers() {
    CoreDriver job =
        new CoreDriver(
            new SchedulingPolicy(4, 1, 1, 1, 1 << 20, 1, 1, 1000, 2000, true),
            List.of(map("m", "in", "")),
            on("in", TestBlock.at(0, 1, 2)));
    job.start(1);
    List<Long> order = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      BundleWork work = job.bundle();
      long value = TestBlock.values(work.elements()).get(0);
      order.add(value);
      job.commitResidual(work, residual((int) value, 0));
    }
    assertThat(order).contains(1L, 2L);
  }

  @Test
  void aJobWithoutAnythingToWaitForFailsWithADump() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(keyed("sums", "in", "out"), map("after", "out", "")),
            keyedOn("in", group(1, TestBlock.at(0, 1))));
    job.start(1);
    job.commitTimers(job.bundle(), setProcessing(1, "never", Long.MAX_VALUE));
    Action.JobEnded end = job.end();
    assertThat(end.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(end.message())
        .startsWith("the job is stuck: nothing runs and nothing can run")
        .contains("pool sdk: 0 of 1 slots in use")
        .contains("stage sums: input watermark +inf, output watermark -inf")
        .contains("timers 1")
        .contains("stage after: input watermark -inf")
        .contains("open inputs 1");
  }

  @Test
  void aJobThatWaitsForSlotsIsNotStuck() {
    CoreDriver job = oneStage(1);
    job.start(1);
    BundleWork work = job.bundle();
    job.core.slots(CoreDriver.POOL, 0);
    job.fail(work, "lost");
    assertThat(job.bundles()).isEmpty();
    assertThat(job.core.isEnded()).isFalse();
    job.core.slots(CoreDriver.POOL, 1);
    job.commit(job.bundle());
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void smallAmountsWaitWhileTheirProducersRunAndThePoolHasOtherWork() {
    CoreDriver job =
        new CoreDriver(
            new SchedulingPolicy(4, 10, 1000, 10, 1 << 20, 10, 1, 1000, 2000, false),
            List.of(map("first", "in", "x"), map("second", "x", "")),
            on("in", TestBlock.count(40, 0)));
    job.start(1);
    BundleWork first = job.bundle();
    assertThat(first.elementCount()).isEqualTo(10);
    job.commit(first, on("x", TestBlock.count(3, 0)));
    BundleWork more = job.bundle();
    assertThat(more.stage().value()).isEqualTo("first");
    job.commit(more, on("x", TestBlock.count(8, 0)));
    assertThat(job.bundle().stage().value()).isEqualTo("second");
  }

  @Test
  void refusesOtherThreads() throws InterruptedException {
    CoreDriver job = oneStage(1);
    job.start(1);
    List<Throwable> thrown = new ArrayList<>();
    Thread other =
        new Thread(
            () -> {
              try {
                job.core.tick(1);
              } catch (IllegalStateException refused) {
                thrown.add(refused);
              }
            });
    other.start();
    other.join(10_000);
    assertThat(thrown).hasSize(1);
  }

  @Test
  void longChainsOfStagesAreNotScanned() {
    List<StageSpec> stages = new ArrayList<>();
    int count = 2000;
    for (int i = 0; i < count; i++) {
      stages.add(map("s" + i, "e" + i, "e" + (i + 1)));
    }
    CoreDriver job = new CoreDriver(POLICY, stages, on("e0", TestBlock.at(EventTime.MIN, 1)));
    job.start(1);
    for (int i = 0; i < count; i++) {
      job.commit(job.bundle(), on("e" + (i + 1), TestBlock.at(0, 1)));
    }
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }
}
