package org.trestle.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.core.trigger.Trigger.AfterEndOfWindow;
import org.trestle.engine.core.trigger.Trigger.ElementCount;
import org.trestle.engine.core.trigger.Trigger.Repeat;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform.Delay;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.engine.windowing.SessionMerging;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.engine.windowing.WindowingStrategySpec.ClosingBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Panes.Timing;
import org.trestle.fn.wire.WindowCoder;

class TriggeredGroupingTest {
  private static final Trigger DEFAULT = new Trigger.Default();
  private static final Trigger EVERY_TWO = new Repeat(new ElementCount(2));
  private static final ByteKey W0 = TestingElements.interval(0, 10);
  private static final ByteKey W10 = TestingElements.interval(10, 20);

  private @Nullable TestingGrouping grouping;

  /** A triggering that differs from the default in little. */
  private record Setup(
      Trigger trigger,
      Accumulation accumulation,
      OutputTime outputTime,
      ClosingBehavior closing,
      OnTimeBehavior onTime,
      long lateness,
      @Nullable WindowMerger merger) {

    static Setup of(Trigger trigger) {
      return new Setup(
          trigger,
          Accumulation.DISCARDING,
          OutputTime.END_OF_WINDOW,
          ClosingBehavior.EMIT_IF_NONEMPTY,
          OnTimeBehavior.FIRE_ALWAYS,
          0,
          null);
    }

    Setup accumulating() {
      return new Setup(
          trigger, Accumulation.ACCUMULATING, outputTime, closing, onTime, lateness, merger);
    }

    Setup at(OutputTime time) {
      return new Setup(trigger, accumulation, time, closing, onTime, lateness, merger);
    }

    Setup alwaysClosing() {
      return new Setup(
          trigger, accumulation, outputTime, ClosingBehavior.EMIT_ALWAYS, onTime, lateness, merger);
    }

    Setup quietOnTime() {
      return new Setup(
          trigger,
          accumulation,
          outputTime,
          closing,
          OnTimeBehavior.FIRE_IF_NONEMPTY,
          lateness,
          merger);
    }

    Setup lateness(long millis) {
      return new Setup(trigger, accumulation, outputTime, closing, onTime, millis, merger);
    }

    Setup merging(WindowMerger windows) {
      return new Setup(trigger, accumulation, outputTime, closing, onTime, lateness, windows);
    }

    Triggering replacingFirings() {
      return new Triggering(
          trigger, accumulation, outputTime, closing, onTime, lateness, merger, true);
    }

    Triggering triggering() {
      return new Triggering(
          trigger, accumulation, outputTime, closing, onTime, lateness, merger, false);
    }
  }

  private record GlobalCoder() implements WindowCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return position;
    }

    @Override
    public long maxTimestamp(byte[] buffer, int position, int limit) {
      return EventTime.GLOBAL_WINDOW_MAX;
    }
  }

  private TestingGrouping start(Setup setup) {
    return start(setup, TestingElements.INTERVALS);
  }

  private TestingGrouping start(Setup setup, WindowCoder windows) {
    TestingGrouping started = new TestingGrouping(setup.triggering(), windows);
    grouping = started;
    return started;
  }

  @AfterEach
  void leavesNothingBehind() {
    TestingGrouping present = grouping;
    if (present != null) {
      present.finish();
      assertThat(present.leftovers()).isNull();
      present.close();
      assertThat(present.bytesOnDisk()).isZero();
    }
  }

  private static void assertPane(
      TestingGrouping.Pane pane, List<String> values, long timestamp, Panes.Pane info) {
    assertThat(pane.values()).isEqualTo(values);
    assertThat(pane.timestamp()).isEqualTo(timestamp);
    assertThat(pane.info()).isEqualTo(info);
  }

  private static Panes.Pane pane(
      boolean first, boolean last, Timing timing, long index, long nonSpeculative) {
    return new Panes.Pane(first, last, timing, index, nonSpeculative);
  }

  @Nested
  class FixedWindows {
    @Test
    void theDefaultTriggerFiresWhenTheWatermarkHasPassedTheEndOfTheWindow() {
      TestingGrouping it = start(Setup.of(DEFAULT));
      it.element("k", "a", 1, W0).element("k", "b", 11, W10).element("k", "c", 2, W0).settle();
      assertThat(it.held()).isEqualTo(9);
      it.watermark(9).settle();
      assertThat(it.takePanes()).isEmpty();
      it.watermark(10).settle();
      assertPane(it.takePane(), List.of("a", "c"), 9, pane(true, true, Timing.ON_TIME, 0, 0));
      assertThat(it.held()).isEqualTo(19);
      assertThat(it.windows()).isEqualTo(1);
    }

    @Test
    void keysAndWindowsOfAnElementAreApart() {
      TestingGrouping it = start(Setup.of(DEFAULT));
      it.element("k", "a", 5, W0, TestingElements.interval(5, 15)).element("m", "b", 6, W0);
      it.settle().watermark(100).settle();
      assertThat(it.takePanes())
          .extracting(pane -> pane.key() + pane.timestamp() + pane.values())
          .containsExactlyInAnyOrder("k9[a]", "k14[a]", "m9[b]");
    }

    @Test
    void elementsOfExpiredWindowsAreDroppedAndCounted() {
      TestingGrouping it = start(Setup.of(DEFAULT).lateness(5));
      it.watermark(14).element("k", "a", 1, W0).settle();
      assertThat(it.takePane().info().timing()).isEqualTo(Timing.LATE);
      it.watermark(15).element("k", "b", 1, W0, W10).settle();
      assertThat(it.droppedDueToLateness()).isEqualTo(1);
      assertThat(it.takePanes()).isEmpty();
      it.watermark(30).settle();
      assertThat(it.takePane().values()).containsExactly("b");
    }

    @Test
    void lateElementsFireAgain() {
      TestingGrouping it = start(Setup.of(DEFAULT).accumulating().lateness(100));
      it.element("k", "a", 1, W0).settle().watermark(50).settle();
      assertPane(it.takePane(), List.of("a"), 9, pane(true, false, Timing.ON_TIME, 0, 0));
      assertThat(it.held()).isEqualTo(TimerHolds.NONE);
      it.element("k", "b", 2, W0).settle();
      assertPane(it.takePane(), List.of("a", "b"), 9, pane(false, false, Timing.LATE, 1, 1));
      it.watermark(110).settle();
      assertThat(it.takePanes()).isEmpty();
      assertThat(it.windows()).isZero();
    }

    @Test
    void earlyPanesAreNumberedAndTheOnTimePaneComesEvenIfEmpty() {
      TestingGrouping it =
          start(
              Setup.of(new AfterEndOfWindow(new ElementCount(2), new ElementCount(1)))
                  .lateness(10));
      it.element("k", "a", 1, W0).element("k", "b", 2, W0).bundle();
      assertPane(it.takePane(), List.of("a", "b"), 9, pane(true, false, Timing.EARLY, 0, -1));
      assertThat(it.held()).isEqualTo(9);
      it.element("k", "c", 1, W0).element("k", "d", 2, W0).bundle();
      assertPane(it.takePane(), List.of("c", "d"), 9, pane(false, false, Timing.EARLY, 1, -1));
      it.watermark(15).settle();
      assertPane(it.takePane(), List.of(), 9, pane(false, false, Timing.ON_TIME, 2, 0));
      it.element("k", "e", 1, W0).settle();
      assertPane(it.takePane(), List.of("e"), 9, pane(false, false, Timing.LATE, 3, 1));
    }

    @Test
    void anEmptyOnTimePaneStaysAwayIfNotWanted() {
      TestingGrouping it =
          start(Setup.of(new AfterEndOfWindow(new ElementCount(1), null)).quietOnTime());
      it.element("k", "a", 1, W0).bundle();
      assertThat(it.takePane().info().timing()).isEqualTo(Timing.EARLY);
      assertThat(it.held()).isEqualTo(TimerHolds.NONE);
      it.watermark(10).settle();
      assertThat(it.takePanes()).isEmpty();
    }

    @Test
    void theLastPaneComesAtExpiryEvenIfEmptyWhenWanted() {
      TestingGrouping it = start(Setup.of(DEFAULT).lateness(5).alwaysClosing());
      it.element("k", "a", 1, W0).settle().watermark(12).settle();
      assertPane(it.takePane(), List.of("a"), 9, pane(true, false, Timing.ON_TIME, 0, 0));
      assertThat(it.held()).isEqualTo(14);
      it.watermark(15).settle();
      assertPane(it.takePane(), List.of(), 9, pane(false, true, Timing.LATE, 1, 1));
    }

    @Test
    void whatNoTriggerGaveOutComesAtExpiry() {
      TestingGrouping it = start(Setup.of(EVERY_TWO).lateness(5));
      it.element("k", "a", 3, W0).settle().watermark(12).settle();
      assertThat(it.takePanes()).isEmpty();
      assertThat(it.held()).isEqualTo(9);
      it.watermark(15).settle();
      assertPane(it.takePane(), List.of("a"), 9, pane(true, true, Timing.ON_TIME, 0, 0));
    }

    @Test
    void elementsAfterTheTriggerHasFinishedAreDroppedAndCounted() {
      TestingGrouping it = start(Setup.of(new ElementCount(2)).lateness(5));
      it.element("k", "a", 3, W0).element("k", "b", 3, W0).element("k", "c", 3, W0).bundle();
      assertPane(it.takePane(), List.of("a", "b"), 9, pane(true, true, Timing.EARLY, 0, -1));
      it.element("k", "d", 3, W0).bundle();
      assertThat(it.droppedDueToClosedWindow()).isEqualTo(2);
      assertThat(it.held()).isEqualTo(TimerHolds.NONE);
      assertThat(it.windows()).isEqualTo(1);
      it.watermark(15).settle();
      assertThat(it.takePanes()).isEmpty();
      assertThat(it.windows()).isZero();
    }
  }

  @Nested
  class OutputTimes {
    @Test
    void theEarliestElementHoldsTheWatermark() {
      TestingGrouping it = start(Setup.of(DEFAULT).at(OutputTime.EARLIEST));
      it.element("k", "a", 4, W0).element("k", "b", 3, W0).settle();
      assertThat(it.held()).isEqualTo(3);
      it.watermark(50).settle();
      assertThat(it.takePane().timestamp()).isEqualTo(3);
    }

    @Test
    void theLatestElementMovesTheHold() {
      TestingGrouping it = start(Setup.of(DEFAULT).at(OutputTime.LATEST));
      it.element("k", "a", 4, W0).settle();
      assertThat(it.held()).isEqualTo(4);
      it.element("k", "b", 7, W0).element("k", "c", 5, W0).settle();
      assertThat(it.held()).isEqualTo(7);
      it.watermark(50).settle();
      assertThat(it.takePane().timestamp()).isEqualTo(7);
    }

    @Test
    void anElementBehindTheWatermarkHoldsAtTheEndOfItsWindow() {
      TestingGrouping it = start(Setup.of(DEFAULT).at(OutputTime.EARLIEST));
      it.watermark(5).element("k", "a", 3, W0).settle();
      assertThat(it.held()).isEqualTo(9);
      it.element("k", "b", 7, W0).settle();
      assertThat(it.held()).isEqualTo(7);
      it.watermark(11).settle();
      assertPane(it.takePane(), List.of("a", "b"), 7, pane(true, true, Timing.ON_TIME, 0, 0));
    }

    @Test
    void anElementAfterTheEndOfItsWindowHoldsAtTheExpiry() {
      TestingGrouping it = start(Setup.of(EVERY_TWO).at(OutputTime.EARLIEST).lateness(100));
      it.watermark(50).element("k", "a", 3, W0).settle();
      assertThat(it.held()).isEqualTo(109);
      it.element("k", "b", 3, W0).settle();
      assertPane(it.takePane(), List.of("a", "b"), 9, pane(true, false, Timing.LATE, 0, 0));
      assertThat(it.held()).isEqualTo(TimerHolds.NONE);
    }
  }

  @Nested
  class ProcessingTime {
    private final Trigger trigger =
        new Repeat(new Trigger.AfterProcessingTime(List.of(new Delay(10))));

    @Test
    void firesAfterTheDelay() {
      TestingGrouping it = start(Setup.of(trigger), new GlobalCoder());
      it.processingTime(5).element("k", "a", 3, ByteKey.empty()).settle();
      it.processingTime(9).element("k", "b", 3, ByteKey.empty()).settle();
      it.processingTime(14).settle();
      assertThat(it.takePanes()).isEmpty();
      it.processingTime(15).settle();
      assertThat(it.takePane().values()).containsExactly("a", "b");
      assertThat(it.timerCount()).isEqualTo(1);
      it.element("k", "c", 3, ByteKey.empty()).settle();
      assertThat(it.timerCount()).isEqualTo(2);
    }

    @Test
    void theExpiryTakesTheTimerAway() {
      TestingGrouping it = start(Setup.of(trigger));
      it.element("k", "a", 3, W0).settle();
      assertThat(it.timerCount()).isEqualTo(2);
      it.watermark(10).settle();
      assertPane(it.takePane(), List.of("a"), 9, pane(true, true, Timing.ON_TIME, 0, 0));
      assertThat(it.timerCount()).isZero();
    }
  }

  @Nested
  class EndOfTime {
    @Test
    void theGlobalWindowEndsWithTheWatermark() {
      TestingGrouping it = start(Setup.of(DEFAULT).lateness(Long.MAX_VALUE), new GlobalCoder());
      it.element("k", "a", 3, ByteKey.empty()).settle();
      it.watermark(EventTime.MAX - 1).settle();
      assertThat(it.takePane().info()).isEqualTo(pane(true, false, Timing.ON_TIME, 0, 0));
      assertThat(it.windows()).isEqualTo(1);
      it.watermark(EventTime.MAX).settle();
      assertThat(it.windows()).isZero();
    }

    @Test
    void windowsBeyondTheEndOfTimeFireAtIt() {
      TestingGrouping it = start(Setup.of(DEFAULT));
      ByteKey window = TestingElements.interval(EventTime.MAX - 5, EventTime.MAX + 5);
      it.element("k", "a", EventTime.MAX - 2, window).settle();
      it.watermark(EventTime.MAX).settle();
      assertPane(
          it.takePane(), List.of("a"), EventTime.MAX, pane(true, true, Timing.ON_TIME, 0, 0));
    }
  }

  @Nested
  class Sessions {
    private ByteKey session(long start) {
      return TestingElements.interval(start, start + 10);
    }

    @Test
    void windowsMergeAcrossBundles() {
      TestingGrouping it =
          start(Setup.of(DEFAULT).at(OutputTime.EARLIEST).merging(new SessionMerging()));
      it.element("k", "a", 1, session(1)).bundle();
      it.element("k", "b", 15, session(15)).element("m", "x", 2, session(2)).bundle();
      assertThat(it.windows()).isEqualTo(3);
      it.element("k", "c", 8, session(8)).bundle();
      assertThat(it.windows()).isEqualTo(2);
      assertThat(it.held()).isEqualTo(1);
      it.watermark(24).settle();
      assertThat(it.takePane().key()).isEqualTo("m");
      it.watermark(25).settle();
      TestingGrouping.Pane pane = it.takePane();
      assertThat(pane.window()).isEqualTo(TestingElements.interval(1, 25));
      assertThat(pane.values()).containsExactlyInAnyOrder("a", "b", "c");
      assertThat(pane.timestamp()).isEqualTo(1);
      assertThat(pane.info()).isEqualTo(pane(true, true, Timing.ON_TIME, 0, 0));
    }

    @Test
    void countsOfMergedWindowsAreAdded() {
      TestingGrouping it =
          start(
              Setup.of(new AfterEndOfWindow(new ElementCount(3), new ElementCount(3)))
                  .accumulating()
                  .lateness(100)
                  .merging(new SessionMerging()));
      it.element("k", "a", 1, session(1)).element("k", "b", 2, session(2)).bundle();
      assertThat(it.takePanes()).isEmpty();
      it.element("k", "c", 3, session(3)).bundle();
      assertPane(it.takePane(), List.of("a", "b", "c"), 12, pane(true, false, Timing.EARLY, 0, -1));
      it.element("k", "d", 4, session(4)).bundle();
      it.watermark(50).settle();
      TestingGrouping.Pane onTime = it.takePane();
      assertThat(onTime.values()).containsExactlyInAnyOrder("a", "b", "c", "d");
      assertThat(onTime.info()).isEqualTo(pane(true, false, Timing.ON_TIME, 0, 0));
    }

    @Test
    void anElementInWindowsThatMergeCountsOnce() {
      TestingGrouping it = start(Setup.of(DEFAULT).merging(new SessionMerging()));
      it.element("k", "a", 5, session(1), session(5)).bundle();
      it.watermark(100).settle();
      assertThat(it.takePane().values()).containsExactly("a");
    }

    @Test
    void closedWindowsDoNotMerge() {
      TestingGrouping it =
          start(Setup.of(new ElementCount(1)).lateness(100).merging(new SessionMerging()));
      it.element("k", "a", 1, session(1)).bundle();
      assertThat(it.takePane().values()).containsExactly("a");
      it.element("k", "b", 5, session(5)).bundle();
      assertThat(it.takePane().window()).isEqualTo(session(5));
      it.element("k", "c", 5, session(5)).bundle();
      assertThat(it.takePanes()).isEmpty();
      assertThat(it.droppedDueToClosedWindow()).isEqualTo(1);
    }

    @Test
    void keysOfABundleAreMergedInOneCall() {
      int[] calls = new int[1];
      WindowMerger counting =
          sets -> {
            calls[0]++;
            return new SessionMerging().merge(sets);
          };
      TestingGrouping it = start(Setup.of(DEFAULT).merging(counting));
      for (int i = 0; i < 50; i++) {
        it.element("k" + i, "a", i, session(i));
      }
      it.bundle();
      assertThat(calls[0]).isEqualTo(1);
      it.element("k1", "b", 1, session(1)).bundle();
      assertThat(calls[0]).isEqualTo(1);
    }

    @Test
    void windowsThatTheMergerInventsAreRefused() {
      WindowMerger bad =
          sets -> List.of(List.of(new WindowMerger.Merged(W0, List.of(W10, session(1)))));
      TestingGrouping it =
          new TestingGrouping(
              Setup.of(DEFAULT).merging(bad).triggering(), TestingElements.INTERVALS);
      it.element("k", "a", 1, session(1));
      assertThatThrownBy(it::bundle).hasMessageContaining("merged a window it was not given");
      it.close();
    }
  }

  @Test
  void elementsWithoutKeysAreGroupedByWindow() {
    TestingGrouping it =
        new TestingGrouping(
            Setup.of(DEFAULT).triggering(), TestingElements.INTERVALS, false, 1L << 40);
    grouping = it;
    it.element("", "a", 1, W0).element("", "b", 2, W0).element("", "c", 12, W10).settle();
    it.watermark(10).settle();
    TestingGrouping.Pane pane = it.takePane();
    assertThat(pane.key()).isEmpty();
    assertThat(pane.values()).containsExactly("a", "b");
  }

  @Test
  void elementsOfAFiringReplaceThoseOfFiringsBeforeIfWanted() {
    Setup each = Setup.of(new Repeat(new ElementCount(1))).accumulating();
    TestingGrouping it =
        new TestingGrouping(each.replacingFirings(), TestingElements.INTERVALS, false, 1L << 40);
    grouping = it;
    it.element("", "raw", 1, W0).settle();
    it.element("", "more", 1, W0).settle();
    it.firing(0, "a", 1, W0).firing(0, "b", 1, W0).settle();
    it.firing(2, "c", 1, W0).settle();
    it.firing(1, "late", 1, W0).firing(2, "d", 1, W0).settle();
    it.firing(1, "of another window", 12, W10).settle();
    assertThat(it.takePanes().stream().map(TestingGrouping.Pane::values))
        .containsExactly(
            List.of("raw"),
            List.of("raw", "more"),
            List.of("raw", "more", "a"),
            List.of("raw", "more", "a", "b"),
            List.of("c"),
            List.of("c", "d"),
            List.of("of another window"));
  }

  @Test
  void largePanesGoToDiskWhenMemoryIsShort() {
    TestingGrouping it =
        new TestingGrouping(
            Setup.of(DEFAULT).triggering(), TestingElements.INTERVALS, true, 10_000);
    grouping = it;
    String large = "x".repeat(1000);
    for (int i = 0; i < 1000; i++) {
      it.element("k", large + i, 1, W0);
    }
    it.bundle();
    assertThat(it.memory()).isLessThan(80_000);
    assertThat(it.bytesOnDisk()).as("compressed").isPositive();
    it.watermark(10).settle();
    assertThat(it.takePane().values()).hasSize(1000).startsWith(large + 0).endsWith(large + 999);
    assertThat(it.leftovers()).isNull();
  }

  @Test
  void aBundleThatIsGivenUpStops() {
    TestingGrouping it = start(Setup.of(DEFAULT));
    it.element("k", "a", 1, W0).giveUp();
    assertThatThrownBy(it::bundle).isInstanceOf(CancellationException.class);
    grouping = null;
    it.close();
  }

  @Test
  void retractionsAreRefused() {
    assertThatThrownBy(
            () ->
                new Triggering(
                    DEFAULT,
                    Accumulation.RETRACTING,
                    OutputTime.LATEST,
                    ClosingBehavior.EMIT_ALWAYS,
                    OnTimeBehavior.FIRE_ALWAYS,
                    0,
                    null,
                    false))
        .hasMessageContaining("not supported");
  }

  /** How holds look from outside. */
  private static final class TimerHolds {
    /** A timer that holds nothing still keeps the watermark before the end of time. */
    static final long NONE = EventTime.MAX - 1;
  }
}
