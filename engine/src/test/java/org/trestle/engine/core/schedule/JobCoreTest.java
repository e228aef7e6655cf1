package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.engine.core.schedule.CoreDriver.edges;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.grouping;
import static org.trestle.engine.core.schedule.CoreDriver.keyed;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;
import static org.trestle.engine.core.schedule.CoreDriver.stage;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.Action.AbandonBundle;
import org.trestle.engine.core.schedule.Action.EdgeComplete;
import org.trestle.engine.core.schedule.Action.JobEnded;
import org.trestle.engine.core.schedule.Action.Outcome;
import org.trestle.engine.core.schedule.Action.StartBundle;

final class JobCoreTest {
  private static final SchedulingPolicy POLICY = SchedulingPolicy.BATCH;

  @Test
  void runsOneStageAndEnds() {
    CoreDriver job =
        new CoreDriver(
            POLICY, List.of(map("m", "in", "out")), on("in", TestBlock.at(EventTime.MIN, 1)));
    job.start(1);

    List<Action> first = job.actions();
    assertThat(first).hasSize(2).first().isEqualTo(new EdgeComplete(new EdgeId("in")));
    BundleWork work = ((StartBundle) first.get(1)).work();
    assertThat(TestBlock.values(work.elements())).containsExactly(1L);
    assertThat(work.attempt()).isEqualTo(1);

    job.commit(work, on("out", TestBlock.at(0, 5)));

    assertThat(job.actions())
        .containsExactly(new EdgeComplete(new EdgeId("out")), new JobEnded(Outcome.DONE, ""));
  }

  @Test
  void startsNothingWithoutSlots() {
    CoreDriver job =
        new CoreDriver(POLICY, List.of(map("m", "in", "")), on("in", TestBlock.count(1, 0)));
    job.start(0);
    assertThat(job.bundles()).isEmpty();

    job.core.slots(CoreDriver.POOL, 1);

    assertThat(job.bundles()).hasSize(1);
  }

  @Test
  void bundlesThatAreEndingLendTheirSlots() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "")),
            on("in", TestBlock.count(3 * POLICY.maxElements(), 0)));
    job.start(1);
    BundleWork first = job.bundle();

    job.core.bundleEnding(first.id());
    job.core.bundleEnding(first.id());
    BundleWork second = job.bundle();

    job.core.bundleEnding(second.id());
    assertThat(job.bundles()).as("with as many lent as there are slots").isEmpty();

    job.fail(first, "lost in the end");
    assertThat(job.bundle().elements()).isEqualTo(first.elements());
    job.commit(second);
    assertThat(job.bundles()).isEmpty();
  }

  @Test
  void endsAtOnceWithoutElements() {
    CoreDriver job = new CoreDriver(POLICY, List.of(map("a", "in", "x"), grouping("b", "x", "y")));
    job.start(0);
    assertThat(job.actions())
        .containsExactly(
            new EdgeComplete(new EdgeId("in")),
            new EdgeComplete(new EdgeId("x")),
            new EdgeComplete(new EdgeId("y")),
            new JobEnded(Outcome.DONE, ""));
  }

  @Test
  void closesEachKeyGroupOnceWithTheLastOfItsInput() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "kv"), grouping("g", "kv", "out")),
            on("in", TestBlock.count(1, 0)));
    job.start(1);
    job.commit(
        job.bundle(), keyedOn("kv", group(3, TestBlock.at(0, 30)), group(1, TestBlock.at(0, 10))));

    BundleWork closing = job.bundle();
    assertThat(closing.closing()).isTrue();
    assertThat(closing.keyGroups()).containsExactly(1, 3);
    assertThat(TestBlock.values(closing.elements())).containsExactly(10L, 30L);
    assertThat(job.watermark("out")).isEqualTo(EventTime.MIN);
    job.commit(closing, on("out", TestBlock.at(0, 1)));
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void leasesAKeyGroupToOneBundle() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "kv"), map("n", "in", "kv"), keyed("k", "kv", "")),
            on("in", TestBlock.count(1, 0)));
    job.start(2);
    List<BundleWork> maps = job.bundles();
    assertThat(maps).hasSize(2);
    job.commit(maps.get(0), keyedOn("kv", group(1, TestBlock.at(0, 1))));
    BundleWork first = job.bundle();

    job.commit(
        maps.get(1), keyedOn("kv", group(1, TestBlock.at(0, 2)), group(2, TestBlock.at(0, 3))));
    BundleWork second = job.bundle();
    assertThat(second.keyGroups()).containsExactly(2);

    job.commit(first);
    BundleWork third = job.bundle();
    assertThat(third.keyGroups()).containsExactly(1);
    assertThat(TestBlock.values(third.elements())).containsExactly(2L);
    job.commit(second);
    job.commit(third);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void triesTheSameWorkAgain() {
    CoreDriver job =
        new CoreDriver(POLICY, List.of(map("m", "in", "")), on("in", TestBlock.count(3, 0)));
    job.start(1);
    BundleWork first = job.bundle();
    job.fail(first, "worker lost");

    BundleWork second = job.bundle();
    assertThat(second.id()).isNotEqualTo(first.id());
    assertThat(second.attempt()).isEqualTo(2);
    assertThat(second.elements()).isEqualTo(first.elements());

    job.commit(first); // Too late: not wanted any more.
    assertThat(job.actions()).isEmpty();
    job.commit(second);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void failsAfterTheLastAttemptWithTheMessageOfTheFailure() {
    CoreDriver job =
        new CoreDriver(
            POLICY.withMaxAttempts(2),
            List.of(map("m", "in", ""), map("n", "in", "")),
            on("in", TestBlock.count(1, 0)));
    job.start(2);
    List<BundleWork> bundles = job.bundles();
    job.fail(bundles.get(0), "first");
    job.fail(job.bundle(), "ValueError: second");

    assertThat(job.actions())
        .containsExactly(
            new AbandonBundle(bundles.get(1).id()),
            new JobEnded(Outcome.FAILED, "ValueError: second"));
  }

  /** A job of one element, on one slot. */
  private static CoreDriver withTwoAttempts() {
    CoreDriver job =
        new CoreDriver(
            POLICY.withMaxAttempts(2),
            List.of(map("m", "in", "")),
            on("in", TestBlock.count(1, 0)));
    job.start(1);
    return job;
  }

  @Test
  void lostWorkersAreNoAttempts() {
    CoreDriver job = withTwoAttempts();
    job.fail(job.bundle(), "ValueError");
    for (int i = 0; i < 3; i++) {
      job.fail(job.bundle().id(), Cause.LOST_WORKER, "gone");
    }
    BundleWork last = job.bundle();
    assertThat(last.attempts()).isEqualTo(new Attempts(1, 3));
    job.commit(last);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void workThatEndsEveryWorkerFailsTheJob() {
    CoreDriver job = withTwoAttempts();
    for (int i = 0; i < 4; i++) {
      job.fail(job.bundle().id(), Cause.LOST_WORKER, "gone");
    }
    assertThat(job.end()).isEqualTo(new JobEnded(Outcome.FAILED, "gone"));
  }

  @Test
  void workThatMayEndItsWorkersRunsAlone() {
    CoreDriver job =
        new CoreDriver(
            new SchedulingPolicy(4, 1, 1, 1, 1 << 20, 1, 1, 1000, 1000, false),
            List.of(map("m", "in", "")),
            on("in", TestBlock.count(1, 0), TestBlock.count(1, 1), TestBlock.count(1, 2)));
    job.start(2);
    for (int i = 0; i < 3; i++) {
      List<BundleWork> both = job.bundles();
      assertThat(both).hasSize(2);
      both.forEach(work -> job.fail(work.id(), Cause.LOST_WORKER, "gone"));
    }
    BundleWork first = job.bundle();
    assertThat(first.attempts().lostWorkers()).isEqualTo(3);
    job.commit(first);
    BundleWork second = job.bundle();
    assertThat(second.attempts().lostWorkers()).isEqualTo(3);
    job.fail(second.id(), Cause.LOST_WORKER, "gone");
    job.commit(job.bundle());
    job.commit(job.bundle());
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void failsAtOnceIfARetryCannotHelp() {
    CoreDriver job =
        new CoreDriver(POLICY, List.of(map("m", "in", "")), on("in", TestBlock.count(1, 0)));
    job.start(1);
    job.fail(job.bundle().id(), Cause.RUNNER, "no");
    assertThat(job.end()).isEqualTo(new JobEnded(Outcome.FAILED, "no"));
  }

  @Test
  void cancelGivesUpWhatRuns() {
    CoreDriver job =
        new CoreDriver(POLICY, List.of(map("m", "in", "")), on("in", TestBlock.count(1, 0)));
    job.start(1);
    BundleWork work = job.bundle();
    job.core.cancel();
    assertThat(job.actions())
        .containsExactly(new AbandonBundle(work.id()), new JobEnded(Outcome.CANCELLED, ""));
    job.commit(work);
    job.core.tick(5);
    job.core.slots(CoreDriver.POOL, 9);
    job.core.cancel();
    assertThat(job.actions()).isEmpty();
  }

  @Test
  void waitsForSideInputs() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("s", "in", "side"), stage("m", false, false, "in", "side", "")),
            on("in", TestBlock.count(1, 0)));
    job.start(2);
    BundleWork producer = job.bundle();
    assertThat(producer.stage().value()).isEqualTo("s");
    job.commit(producer, on("side", TestBlock.at(0, 1)));
    assertThat(job.actions().get(0)).isEqualTo(new EdgeComplete(new EdgeId("side")));
  }

  @Test
  void refusesPlansThatContradictThemselves() {
    assertThatThrownBy(
            () -> new CoreDriver(POLICY, List.of(map("b", "x", ""), map("a", "in", "x"))))
        .hasMessageContaining("writes edge x after a stage that reads it");
    assertThatThrownBy(() -> new CoreDriver(POLICY, List.of(map("a", "", ""), map("a", "", ""))))
        .hasMessageContaining("stage a is listed twice");
    assertThatThrownBy(() -> new CoreDriver(POLICY, List.of(stage("a", false, true, "", "", ""))))
        .hasMessageContaining("closes key groups but has no keys");
    assertThatThrownBy(
            () ->
                new JobCore(
                    new JobPlan(List.of(map("a", "in", "")), edges("other"), List.of(), 1), POLICY))
        .hasMessageContaining("names edge in, which is not in the plan");
  }

  @Test
  void resultsThatConsumersWouldMissFailTheJob() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "kv"), keyed("k", "kv", "")),
            on("in", TestBlock.count(1, 0)));
    job.start(1);
    job.commit(job.bundle(), on("kv", TestBlock.count(2, 0)));
    assertThat(job.end())
        .isEqualTo(
            new JobEnded(Outcome.FAILED, "stage m: edge kv got 2 elements, and 0 by key group"));
  }

  @Test
  void resultsOnEdgesOfOthersFailTheJob() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", ""), map("n", "in", "out")),
            on("in", TestBlock.count(1, 0)));
    job.start(2);
    BundleWork work = job.bundles().get(1);
    job.commit(work, on("out", TestBlock.count(2, 0)));
    assertThat(job.end())
        .isEqualTo(new JobEnded(Outcome.FAILED, "stage m: it does not write edge out"));
  }

  @Test
  void keyGroupsOutsideThePlanFailTheJob() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("m", "in", "kv"), keyed("k", "kv", "")),
            on("in", TestBlock.count(1, 0)));
    job.start(1);
    job.commit(job.bundle(), keyedOn("kv", group(8, TestBlock.count(2, 0))));
    assertThat(job.end().message()).isEqualTo("stage m: edge kv has no key group 8");
  }
}
