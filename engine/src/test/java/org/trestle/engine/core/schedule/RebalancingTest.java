package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.keyed;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.schedule.Action.SplitBundle;

/** Work that goes to slots that have none. The policy waits a second before it asks. */
final class RebalancingTest {
  private static CoreDriver oneBundle(int elements) {
    return new CoreDriver(
        SchedulingPolicy.BATCH,
        List.of(map("m", "in", "out")),
        on("in", TestBlock.count(elements, 0)));
  }

  private static List<BundleId> asked(CoreDriver job) {
    return job.actions().stream()
        .filter(SplitBundle.class::isInstance)
        .map(action -> ((SplitBundle) action).bundle())
        .toList();
  }

  @Test
  void aBundleThatRunsForASecondIsAskedForWork() {
    CoreDriver job = oneBundle(50);
    job.start(2);
    List<Action> actions = job.actions();
    assertThat(actions).last().isEqualTo(new Action.WakeAt(1000));
    job.core.tick(999);
    assertThat(asked(job)).isEmpty();
    job.core.tick(1000);
    assertThat(asked(job)).hasSize(1);
    job.core.tick(3000);
    assertThat(asked(job)).as("once till it has answered").isEmpty();
  }

  @Test
  void aBundleThatGaveIsAskedAgainWhileSlotsAreIdle() {
    CoreDriver job = oneBundle(50);
    job.start(3);
    BundleWork work = job.bundle();
    TestBlock block = (TestBlock) work.elements().get(0);
    job.core.tick(1000);
    assertThat(asked(job)).containsExactly(work.id());

    job.core.bundleSplit(
        work.id(), List.of(block.slice(0, 49)), List.of(new Residual(block.slice(49, 50), 0, 0)));

    List<Action> actions = job.actions();
    assertThat(actions).first().isInstanceOf(Action.StartBundle.class);
    assertThat(actions).contains(new SplitBundle(work.id(), 0.5));
  }

  @Test
  void aBundleThatRefusedIsLeftInPeaceForAsLongAsItHasRun() {
    CoreDriver job = oneBundle(50);
    job.start(2);
    BundleWork work = job.bundle();
    job.core.tick(5000);
    assertThat(asked(job)).containsExactly(work.id());
    job.core.splitRefused(work.id());
    job.core.tick(9999);
    assertThat(asked(job)).isEmpty();
    job.core.tick(10_000);
    assertThat(asked(job)).containsExactly(work.id());
  }

  @Test
  void aBundleThatTakesLongIsAskedToEnd() {
    CoreDriver job = oneBundle(50);
    job.start(1);
    BundleWork work = job.bundle();
    job.core.tick(1999);
    assertThat(asked(job)).isEmpty();
    job.core.tick(2000);
    assertThat(job.actions()).contains(new SplitBundle(work.id(), 0));
  }

  @Test
  void nobodyIsAskedWhileAllSlotsAreBusy() {
    CoreDriver job = oneBundle(50);
    job.start(1);
    BundleWork work = job.bundle();
    job.core.tick(1500);
    assertThat(asked(job)).isEmpty();
    job.core.slots(CoreDriver.POOL, 2);
    assertThat(asked(job)).containsExactly(work.id());
  }

  @Test
  void theBundleWithTheMostElementsIsAskedFirst() {
    CoreDriver job =
        new CoreDriver(
            SchedulingPolicy.BATCH,
            List.of(map("a", "small", ""), map("b", "large", "")),
            on("small", TestBlock.count(5, 0)),
            on("large", TestBlock.count(50, 0)));
    job.start(3);
    BundleWork large =
        job.bundles().stream().filter(work -> work.elementCount() == 50).findFirst().orElseThrow();
    job.core.tick(1000);
    assertThat(asked(job)).containsExactly(large.id());
  }

  @Test
  void aBundleOfAKeyedStageIsNotAsked() {
    CoreDriver job =
        new CoreDriver(
            SchedulingPolicy.BATCH,
            List.of(keyed("k", "in", "")),
            keyedOn("in", group(1, TestBlock.count(50, 0))));
    job.start(2);
    job.bundle();
    job.core.tick(60_000);
    assertThat(asked(job)).isEmpty();
  }

  @Test
  void answersOfBundlesThatAreOverAreIgnored() {
    CoreDriver job = oneBundle(50);
    job.start(2);
    BundleWork work = job.bundle();
    job.core.tick(1000);
    job.commit(work);
    job.core.splitRefused(work.id());
    assertThat(job.end().outcome()).isEqualTo(Action.Outcome.DONE);
  }
}
