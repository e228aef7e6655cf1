package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.core.schedule.CoreDriver.clear;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.grouping;
import static org.trestle.engine.core.schedule.CoreDriver.keyed;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;
import static org.trestle.engine.core.schedule.CoreDriver.set;
import static org.trestle.engine.core.schedule.CoreDriver.setProcessing;
import static org.trestle.engine.core.schedule.CoreDriver.timer;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.Action.Outcome;
import org.trestle.engine.core.schedule.Action.WakeAt;

/** Timers, leases and closing as the job sees them. */
final class KeyedWorkTest {
  private static final SchedulingPolicy POLICY = SchedulingPolicy.BATCH;

  private static CoreDriver oneKeyedStage(int... keys) {
    List<KeyGroupBlock> blocks = new ArrayList<>();
    for (int key : keys) {
      blocks.add(group(key % 8, TestBlock.at(0, key)));
    }
    return new CoreDriver(
        POLICY,
        List.of(keyed("k", "in", "out")),
        keyedOn("in", blocks.toArray(new KeyGroupBlock[0])));
  }

  /** Key groups from 0 on, with so many elements each. */
  private static EdgeOutput keyGroupsOfSizes(int... sizes) {
    KeyGroupBlock[] blocks = new KeyGroupBlock[sizes.length];
    for (int i = 0; i < sizes.length; i++) {
      blocks[i] = group(i, TestBlock.count(sizes[i], 0));
    }
    return keyedOn("in", blocks);
  }

  private static List<String> tags(BundleWork work) {
    List<String> tags = new ArrayList<>();
    for (FiredTimer timer : work.timers()) {
      tags.add(timer.timer().key().bytes()[0] + timer.timer().tag());
    }
    return tags;
  }

  @Test
  void firesTimersOfAKeyInOrderAndOfManyKeysTogether() {
    CoreDriver job = oneKeyedStage(1, 2, 3);
    job.start(1);
    job.commitTimers(
        job.bundle(), set(1, "b", 20), set(1, "a", 10), set(2, "x", 30), set(3, "y", 5));

    BundleWork first = job.bundle();
    assertThat(first.keyGroups()).containsExactly(1, 2, 3);
    assertThat(tags(first)).containsExactly("3y", "1a", "2x");
    // What fires may set an earlier timer than those that are left, and clear these.
    job.commitTimers(first, set(1, "c", 15), clear(1, "b"), set(1, "d", 25));

    assertThat(tags(fire(job))).containsExactly("1c");
    assertThat(tags(fire(job))).containsExactly("1d");
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  private static BundleWork fire(CoreDriver job) {
    BundleWork work = job.bundle();
    job.commit(work);
    return work;
  }

  @Test
  void theLastBundleIsSmallAndHasWholeKeyGroups() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(keyed("k", "in", "")),
            keyGroupsOfSizes(500, 1200, 1200, 1200, 1200, 1200, 1200, 1200));
    job.start(1);
    BundleWork large = job.bundle();
    assertThat(large.keyGroups()).containsExactly(0, 1, 2, 3, 4, 5, 6);
    job.core.bundleEnding(large.id());
    BundleWork last = job.bundle();
    assertThat(last.keyGroups()).containsExactly(7);
    job.commit(large);
    job.commit(last);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void aTimerMaySetItselfAgainAndAgain() {
    CoreDriver job = oneKeyedStage(1);
    job.start(1);
    job.commitTimers(job.bundle(), set(1, "loop", 0));
    for (int i = 1; i <= 50; i++) {
      BundleWork firing = job.bundle();
      assertThat(firing.timers().get(0).fireAt()).isEqualTo((i - 1) * 60L);
      job.commitTimers(firing, set(1, "loop", i * 60L));
    }
    // Beyond the end of time it can never fire, so the loop ends.
    job.commitTimers(job.bundle(), set(1, "loop", EventTime.MAX + 1));
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void eventTimersWaitForAllElements() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "kv"), keyed("k", "kv", "")),
            on("in", TestBlock.count(1, 0), TestBlock.count(1, 0)));
    job.start(1);
    BundleWork map = job.bundle();
    job.commit(map, keyedOn("kv", group(1, TestBlock.at(0, 1))));
    BundleWork elements = job.bundle();
    job.commitTimers(elements, set(1, "t", -100));
    assertThat(tags(job.bundle())).containsExactly("1t");
  }

  @Test
  void aTimerThatIsDueComesBeforeLaterElementsOfItsKey() {
    CoreDriver job =
        new CoreDriver(
            new SchedulingPolicy(4, 1, 1, 1, 1 << 20, 1, 1, 1000, 2000, true),
            List.of(keyed("k", "in", "")),
            keyedOn("in", group(1, TestBlock.at(100, 1)), group(1, TestBlock.at(200, 1))));
    job.start(1);
    job.commitTimers(job.bundle(), set(1, "a", 10), set(1, "b", 20), set(1, "later", 200));

    BundleWork first = job.bundle();
    assertThat(tags(first)).containsExactly("1a");
    job.commitTimers(first, set(1, "c", 15));
    assertThat(tags(fire(job))).containsExactly("1c");
    assertThat(tags(fire(job))).containsExactly("1b");
    assertThat(fire(job).elementCount()).isEqualTo(1);
    assertThat(tags(fire(job))).containsExactly("1later");
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void elementsComeBeforeTimersThatBecomeDueWithTheCommitThatBroughtThem() {
    CoreDriver job =
        new CoreDriver(
            new SchedulingPolicy(4, 1, 1, 1, 1 << 20, 1, 1, 1000, 2000, true),
            List.of(keyed("first", "in", "mid"), keyed("second", "mid", "")),
            keyedOn("in", group(1, TestBlock.at(0, 1)), group(1, TestBlock.at(9, 1))));
    job.start(1);
    List<String> second = new ArrayList<>();
    long holds = 5;
    while (!job.core.isEnded()) {
      BundleWork work = job.bundle();
      if (work.stage().equals(new StageId("second"))) {
        second.add(work.timers().isEmpty() ? "element" : "timer");
        job.commitTimers(work, work.timers().isEmpty() ? set(1, "t", 8) : clear(1, "t"));
      } else if (work.timers().isEmpty()) {
        // The first timer keeps the second stage before its own; then the same commit lets it go.
        TimerUpdate timer =
            new TimerUpdate.Set(timer(1, "t"), 1, TimeDomain.EVENT_TIME, holds + 100, holds);
        EdgeOutput output = keyedOn("mid", group(1, TestBlock.at(holds - 5, 1)));
        job.core.bundleCommitted(
            new BundleResult(work.id(), List.of(output), List.of(timer), List.of()));
        holds += 9;
      } else {
        job.commit(work);
      }
    }
    assertThat(second).containsExactly("element", "element", "timer");
  }

  @Test
  void processingTimersFireWhenTheClockSaysSo() {
    CoreDriver job = oneKeyedStage(1);
    job.start(1);
    job.commitTimers(job.bundle(), setProcessing(1, "p", 500), setProcessing(1, "q", 300));
    assertThat(job.actions()).containsExactly(new WakeAt(300));
    job.core.tick(299);
    assertThat(job.actions()).isEmpty();
    job.core.tick(300);
    BundleWork first = job.bundle();
    assertThat(tags(first)).containsExactly("1q");
    job.commit(first);
    assertThat(job.actions()).containsExactly(new WakeAt(500));
    job.core.tick(10_000);
    assertThat(tags(fire(job))).containsExactly("1p");
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void retriesTimersTogetherAndBeforeNewElements() {
    CoreDriver job = oneKeyedStage(1, 2);
    job.start(1);
    job.commitTimers(job.bundle(), set(1, "a", 1), set(2, "b", 2));
    BundleWork firing = job.bundle();
    assertThat(job.snapshot("k").timers()).isZero();
    job.fail(firing, "lost");
    BundleWork again = job.bundle();
    assertThat(again.timers()).isEqualTo(firing.timers());
    assertThat(again.keyGroups()).isEqualTo(firing.keyGroups());
    assertThat(again.attempt()).isEqualTo(2);
  }

  @Test
  void aTimerForAKeyThatIsNotInTheBundleFailsTheJob() {
    CoreDriver job = oneKeyedStage(1);
    job.start(1);
    job.commitTimers(job.bundle(), set(2, "t", 1));
    assertThat(job.end().message())
        .isEqualTo(
            "stage k: a timer of family timers was set for a key of key group 2, which is not in"
                + " the bundle");
  }

  @Test
  void closingSharesTheKeyGroupsAmongTheSlots() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(grouping("g", "in", "out")),
            keyGroupsOfSizes(1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000));
    job.start(2);
    List<Integer> closed = new ArrayList<>();
    List<BundleWork> running = new ArrayList<>(job.bundles());
    int closingBundles = 0;
    while (!running.isEmpty()) {
      assertThat(running).hasSizeLessThanOrEqualTo(2);
      BundleWork work = running.remove(0);
      assertThat(work.closing()).isTrue();
      assertThat(TestBlock.values(work.elements())).hasSize(1000 * work.keyGroups().size());
      closingBundles++;
      closed.addAll(work.keyGroups());
      job.commit(work);
      if (!job.core.isEnded()) {
        running.addAll(job.bundles());
      }
    }
    assertThat(closed).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7);
    assertThat(closingBundles).isGreaterThanOrEqualTo(2);
    assertThat(job.core.isEnded()).isTrue();
  }

  @Test
  void aKeyGroupThatOneBundleCannotTakeIsClosedWithTheLastOfItsElements() {
    int most = POLICY.maxElements();
    CoreDriver job =
        new CoreDriver(
            POLICY, List.of(grouping("g", "in", "out")), keyGroupsOfSizes(10, 2 * most + 1, 20));
    job.start(1);
    List<Integer> closed = new ArrayList<>();
    List<Integer> sizes = new ArrayList<>();
    while (!job.core.isEnded()) {
      BundleWork work = job.bundle();
      assertThat(work.closing() || work.keyGroups().equals(List.of(1))).isTrue();
      closed.addAll(work.closing() ? work.keyGroups() : List.of());
      sizes.add(TestBlock.values(work.elements()).size());
      job.commit(work);
    }
    assertThat(closed).containsExactlyInAnyOrder(0, 1, 2);
    assertThat(sizes).contains(most).allMatch(size -> size <= most);
  }

  @Test
  void nothingIsClosedWhileABundleOfItsKeyGroupRuns() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "kv"), grouping("g", "kv", "out")),
            on("in", TestBlock.count(2 * POLICY.maxElements(), 0)));
    job.start(2);
    List<BundleWork> maps = job.bundles();
    assertThat(maps).hasSize(2);
    job.commit(maps.get(0), keyedOn("kv", group(4, TestBlock.count(POLICY.minElements(), 0))));
    List<BundleWork> running = new ArrayList<>(job.bundles());
    BundleWork adds =
        running.stream().filter(work -> !work.keyGroups().isEmpty()).findFirst().orElseThrow();
    assertThat(adds.closing()).isFalse();
    running.remove(adds);
    running.add(maps.get(1));
    while (!running.isEmpty()) {
      BundleWork work = running.remove(0);
      assertThat(work.closing()).isFalse();
      job.commit(work);
      running.addAll(job.bundles());
    }
    job.commit(adds);
    BundleWork closing = job.bundle();
    assertThat(closing.closing()).isTrue();
    assertThat(closing.keyGroups()).containsExactly(4);
    assertThat(closing.elements()).isEmpty();
    job.commit(closing);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void aFailedClosingIsRepeated() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(grouping("g", "in", "out")),
            keyedOn("in", group(5, TestBlock.count(3, 0))));
    job.start(1);
    BundleWork closing = job.bundle();
    job.fail(closing, "lost");
    BundleWork again = job.bundle();
    assertThat(again.closing()).isTrue();
    assertThat(again.elements()).isEqualTo(closing.elements());
    assertThat(again.keyGroups()).containsExactly(5);
    job.commit(again);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }
}
