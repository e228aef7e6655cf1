package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.engine.core.schedule.CoreDriver.edges;
import static org.trestle.engine.core.schedule.CoreDriver.group;
import static org.trestle.engine.core.schedule.CoreDriver.keyed;
import static org.trestle.engine.core.schedule.CoreDriver.keyedOn;
import static org.trestle.engine.core.schedule.CoreDriver.map;
import static org.trestle.engine.core.schedule.CoreDriver.on;
import static org.trestle.engine.core.schedule.CoreDriver.set;
import static org.trestle.engine.core.schedule.CoreDriver.setProcessing;

import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.TestBlock;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.Action.NextTestStreamEvent;
import org.trestle.engine.core.schedule.Action.Outcome;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.schedule.JobPlan.TestStreamSpec;

final class StreamsTest {
  private static final SchedulingPolicy POLICY =
      new SchedulingPolicy(4, 100, 1 << 20, 1000, 1 << 20, 1000, 1, 1000, 2000, true);

  private static JobPlan plan(
      boolean ownClock, List<StageSpec> stages, String edges, TestStreamSpec... streams) {
    return new JobPlan(stages, edges(edges), List.of(), 8, List.of(streams), ownClock);
  }

  private static TestStreamSpec stream(String id, String outputs) {
    return new TestStreamSpec(id, edges(outputs));
  }

  private static TestStreamEvent elements(String edge, long timestamp, long... values) {
    return new TestStreamEvent.Elements(on(edge, TestBlock.at(timestamp, values)));
  }

  private static TestStreamEvent watermark(String edge, long time) {
    return new TestStreamEvent.Watermark(new EdgeId(edge), time);
  }

  @Nested
  class TestStreams {
    private final CoreDriver job =
        new CoreDriver(
            POLICY, plan(true, List.of(map("m", "in", "")), "in", stream("events", "in")));

    @Test
    void anEventIsAskedForWhenNothingIsLeftToDo() {
      job.start(1);
      assertThat(job.actions()).containsExactly(new NextTestStreamEvent("events"));
      job.core.testStreamEvent("events", elements("in", 5, 1, 2));
      BundleWork work = job.bundle();
      assertThat(TestBlock.values(work.elements())).containsExactly(1L, 2L);
      job.commit(work);
      assertThat(job.actions()).containsExactly(new NextTestStreamEvent("events"));
    }

    @Test
    void aBundleThatWaitsForAWorkerIsSomethingToDo() {
      job.core.start(0);
      assertThat(job.actions()).containsExactly(new NextTestStreamEvent("events"));
      job.core.testStreamEvent("events", elements("in", 5, 1));
      assertThat(job.actions()).isEmpty();
      job.core.slots(CoreDriver.POOL, 1);
      job.commit(job.bundle());
      assertThat(job.actions()).containsExactly(new NextTestStreamEvent("events"));
    }

    @Test
    void watermarksAreWhatTheEventsSayAndNeverGoBack() {
      job.start(1);
      assertThat(job.snapshot("m").inputWatermark()).isEqualTo(EventTime.MIN);
      job.core.testStreamEvent("events", watermark("in", 70));
      assertThat(job.snapshot("m").inputWatermark()).isEqualTo(70);
      job.core.testStreamEvent("events", watermark("in", 60));
      assertThat(job.snapshot("m").inputWatermark()).isEqualTo(70);
    }

    @Test
    void answersThatWereNotAskedForAreIgnored() {
      job.start(1);
      job.core.testStreamEvent("events", elements("in", 5, 1));
      job.core.testStreamEvent("events", elements("in", 5, 2));
      assertThat(TestBlock.values(job.bundle().elements())).containsExactly(1L);
    }

    @Test
    void elementsForAnotherEdgeAreRefused() {
      job.start(1);
      assertThatThrownBy(() -> job.core.testStreamEvent("events", watermark("other", 1)))
          .hasMessageContaining("no edge other");
    }

    @Test
    void theJobEndsWithTheLastOne() {
      job.start(1);
      job.core.testStreamEnded("events");
      assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
    }
  }

  @Test
  void severalTestStreamsTakeTurns() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            plan(
                false,
                List.of(map("m", "a", ""), map("n", "b", "")),
                "a b",
                stream("one", "a"),
                stream("two", "b")));
    job.start(1);
    assertThat(job.actions()).containsExactly(new NextTestStreamEvent("one"));
    job.core.testStreamEvent("one", watermark("a", 3));
    assertThat(job.actions()).containsExactly(new NextTestStreamEvent("two"));
    job.core.testStreamEnded("two");
    assertThat(job.actions())
        .containsExactly(new Action.EdgeComplete(new EdgeId("b")), new NextTestStreamEvent("one"));
    assertThat(job.snapshot("m").inputWatermark()).isEqualTo(3);
  }

  @Nested
  class OwnClock {
    private final CoreDriver job =
        new CoreDriver(
            POLICY, plan(true, List.of(keyed("k", "in", "")), "in", stream("events", "in")));

    private BundleWork firstBundle() {
      job.start(1);
      job.core.testStreamEvent(
          "events", new TestStreamEvent.Elements(keyedOn("in", group(1, TestBlock.at(0, 1)))));
      return job.bundle();
    }

    @Test
    void timersFireWhenTheEventsSayThatItIsTime() {
      job.commitTimers(firstBundle(), setProcessing(1, "t", 50));
      job.core.tick(1_000_000); // The real clock counts for nothing.
      assertThat(job.bundles()).isEmpty();
      job.core.testStreamEvent("events", new TestStreamEvent.Clock(49));
      assertThat(job.bundles()).isEmpty();
      job.core.testStreamEvent("events", new TestStreamEvent.Clock(1));
      BundleWork firing = job.bundle();
      assertThat(firing.timers()).hasSize(1);
      assertThat(firing.processingTime()).isEqualTo(50);
    }

    @Test
    void theClockJumpsWhenTheEventsAreOver() {
      job.commitTimers(firstBundle(), setProcessing(1, "t", 5_000_000));
      job.core.testStreamEnded("events");
      BundleWork firing = job.bundle();
      assertThat(firing.processingTime()).isEqualTo(5_000_000);
      job.commit(firing);
      assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
    }
  }

  @Nested
  class Drain {
    @Test
    void delaysAreOverAndTheJobEndsAsDrained() {
      CoreDriver job =
          new CoreDriver(POLICY, List.of(map("m", "in", "")), on("in", TestBlock.at(0, 1)));
      job.start(1);
      job.commitResidual(job.bundle(), new Residual(TestBlock.at(0, 1), 60_000, 0));
      assertThat(job.bundles()).isEmpty();
      job.core.drain();
      BundleWork rest = job.bundle();
      job.commitResidual(rest, new Residual(TestBlock.at(0, 1), 60_000, 0));
      job.commit(job.bundle());
      assertThat(job.end().outcome()).isEqualTo(Outcome.DRAINED);
    }

    @Test
    void testStreamsEndAtOnce() {
      CoreDriver job =
          new CoreDriver(
              POLICY, plan(false, List.of(map("m", "in", "")), "in", stream("events", "in")));
      job.start(1);
      job.core.drain();
      assertThat(job.end().outcome()).isEqualTo(Outcome.DRAINED);
    }

    @Test
    void aTimerOfProcessingTimeFiresOnceMoreButCannotGoOnForEver() {
      CoreDriver job =
          new CoreDriver(
              POLICY, List.of(keyed("k", "in", "")), keyedOn("in", group(1, TestBlock.at(0, 1))));
      job.start(1);
      job.commitTimers(job.bundle(), setProcessing(1, "loop", 1_000_000));
      job.core.drain();
      BundleWork last = job.bundle();
      assertThat(last.timers()).hasSize(1);
      job.commitTimers(last, setProcessing(1, "loop", 2_000_000));
      assertThat(job.end().outcome()).isEqualTo(Outcome.DRAINED);
    }
  }

  @Test
  void whatWaitsGoesBeforeASourceThatAlwaysHasMore() {
    CoreDriver job =
        new CoreDriver(
            POLICY,
            List.of(map("source", "in", "mid"), map("sink", "mid", "")),
            on("in", TestBlock.at(0, 1)));
    job.start(1);
    BundleWork reading = job.bundle();
    job.core.bundleCommitted(
        new BundleResult(
            reading.id(),
            List.of(on("mid", TestBlock.at(5, 7))),
            List.of(),
            List.of(new Residual(TestBlock.at(0, 1), 0, 6))));
    assertThat(job.bundle().stage().value()).isEqualTo("sink");
  }

  @Test
  void workThatFailsAgainAndAgainWaitsLongerEachTime() {
    CoreDriver job =
        new CoreDriver(
            SchedulingPolicy.STREAMING, List.of(map("m", "in", "")), on("in", TestBlock.at(0, 1)));
    job.start(1);
    job.fail(job.bundle(), "first");
    job.fail(job.bundle(), "second"); // The first time at once.
    assertThat(job.bundles()).isEmpty();
    job.core.tick(499);
    assertThat(job.bundles()).isEmpty();
    job.core.tick(500);
    job.fail(job.bundle(), "third");
    job.core.tick(1499);
    assertThat(job.bundles()).isEmpty();
    job.core.tick(1500);
    BundleWork fourth = job.bundle();
    assertThat(fourth.attempt()).isEqualTo(4);
    job.commit(fourth);
    assertThat(job.end().outcome()).isEqualTo(Outcome.DONE);
  }

  @Test
  void anEventTimeTimerWaitsForElementsOfItsVeryTime() {
    CoreDriver job =
        new CoreDriver(
            POLICY, plan(false, List.of(keyed("k", "in", "")), "in", stream("events", "in")));
    job.start(1);
    job.core.testStreamEvent(
        "events", new TestStreamEvent.Elements(keyedOn("in", group(1, TestBlock.at(0, 1)))));
    job.commitTimers(job.bundle(), set(1, "t", 10));
    job.core.testStreamEvent("events", watermark("in", 10));
    assertThat(job.bundles()).isEmpty();
    job.core.testStreamEvent("events", watermark("in", 11));
    assertThat(job.bundle().timers()).hasSize(1);
  }
}
