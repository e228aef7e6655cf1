package org.trestle.engine.core.trigger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.trigger.Trigger.AfterAll;
import org.trestle.engine.core.trigger.Trigger.AfterAny;
import org.trestle.engine.core.trigger.Trigger.AfterEach;
import org.trestle.engine.core.trigger.Trigger.AfterEndOfWindow;
import org.trestle.engine.core.trigger.Trigger.AfterProcessingTime;
import org.trestle.engine.core.trigger.Trigger.AfterSynchronizedProcessingTime;
import org.trestle.engine.core.trigger.Trigger.Always;
import org.trestle.engine.core.trigger.Trigger.Default;
import org.trestle.engine.core.trigger.Trigger.ElementCount;
import org.trestle.engine.core.trigger.Trigger.Never;
import org.trestle.engine.core.trigger.Trigger.OrFinally;
import org.trestle.engine.core.trigger.Trigger.Repeat;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform.AlignTo;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform.Delay;

class TriggerMachineTest {
  private static final long END = 1000;
  private static final Trigger END_OF_WINDOW = new AfterEndOfWindow(null, null);

  /** One key and window. */
  private static final class Window {
    private final TriggerMachine machine;
    private TriggerState state;
    private boolean past;
    private long now;

    Window(Trigger trigger, boolean merging) {
      this(TriggerMachine.of(trigger, merging), null);
    }

    Window(TriggerMachine machine, @Nullable TriggerState state) {
      this.machine = machine;
      this.state = state == null ? machine.newState() : state;
    }

    Window elements(int count) {
      for (int i = 0; i < count; i++) {
        machine.onElement(state, now);
      }
      return this;
    }

    Window passEnd() {
      past = true;
      return this;
    }

    Window at(long time) {
      now = time;
      return this;
    }

    boolean ready() {
      return machine.shouldFire(state, past, now);
    }

    /** Fires if it is ready, and says so. */
    boolean fires() {
      boolean ready = ready();
      if (ready) {
        machine.onFire(state, past, now);
      }
      return ready;
    }

    boolean closed() {
      return machine.isClosed(state);
    }

    long nextProcessingTime() {
      return machine.nextProcessingTime(state, now);
    }

    long nextEventTime() {
      return machine.nextEventTime(state, END, past);
    }

    /** What it becomes together with others, being no window of its own before. */
    Window mergedWith(Window... others) {
      List<TriggerState> sources = new ArrayList<>(List.of(state));
      for (Window other : others) {
        sources.add(other.state);
      }
      Window result = new Window(machine, machine.merge(sources, -1, past));
      result.past = past;
      result.now = now;
      return result;
    }
  }

  private static Window of(Trigger trigger) {
    return new Window(trigger, false);
  }

  private static Window merging(Trigger trigger) {
    return new Window(trigger, true);
  }

  @Nested
  class Single {
    @Test
    void elementCountFiresOnceItHasSoMany() {
      Window window = of(new ElementCount(3)).elements(2);
      assertThat(window.fires()).isFalse();
      assertThat(window.elements(2).fires()).isTrue();
      assertThat(window.closed()).isTrue();
      assertThat(window.nextEventTime()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void defaultFiresAtTheEndAndForLateElementsAndIsNeverClosed() {
      Window window = of(new Default()).elements(1);
      assertThat(window.nextEventTime()).isEqualTo(END);
      assertThat(window.fires()).isFalse();
      assertThat(window.passEnd().fires()).isTrue();
      assertThat(window.nextEventTime()).isEqualTo(Long.MAX_VALUE);
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.closed()).isFalse();
    }

    @Test
    void endOfWindowIsClosedWhenItHasFired() {
      Window window = of(END_OF_WINDOW).elements(1);
      assertThat(window.fires()).isFalse();
      assertThat(window.passEnd().fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void neverAndAlwaysAreWhatTheySay() {
      assertThat(of(new Never()).elements(5).passEnd().at(999).ready()).isFalse();
      assertThat(of(new Never()).nextEventTime()).isEqualTo(Long.MAX_VALUE);
      Window always = of(new Always()).elements(1);
      assertThat(always.fires()).isTrue();
      assertThat(always.fires()).isTrue();
      assertThat(always.closed()).isFalse();
      assertThat(always.nextEventTime()).isEqualTo(END);
    }

    @Test
    void processingTimeCountsFromTheFirstElement() {
      Window window = of(new AfterProcessingTime(List.of(new Delay(10))));
      assertThat(window.nextProcessingTime()).isEqualTo(Long.MAX_VALUE);
      window.at(5).elements(1).at(9).elements(1);
      assertThat(window.nextProcessingTime()).isEqualTo(15);
      assertThat(window.at(14).fires()).isFalse();
      assertThat(window.at(15).fires()).isTrue();
      assertThat(window.closed()).isTrue();
      assertThat(window.nextProcessingTime()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void processingTimeIsDelayedThenAligned() {
      Trigger trigger = new AfterProcessingTime(List.of(new Delay(3), new AlignTo(10, 2)));
      Window window = of(trigger).at(0).elements(1);
      assertThat(window.nextProcessingTime()).isEqualTo(12);
      assertThat(window.at(11).fires()).isFalse();
      assertThat(window.at(12).fires()).isTrue();
      assertThat(new AlignTo(10, 2).apply(12)).isEqualTo(12);
      assertThat(new AlignTo(10, 5).apply(2)).isEqualTo(5);
      assertThat(new Delay(Long.MAX_VALUE).apply(7)).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void synchronizedProcessingTimeFiresWhenTheTimeOfTheFirstElementHasPassed() {
      Window window = of(new AfterSynchronizedProcessingTime()).at(7).elements(1);
      assertThat(window.fires()).isFalse();
      assertThat(window.nextProcessingTime()).isEqualTo(8);
      assertThat(window.at(8).fires()).isTrue();
    }

    @Test
    void impossibleTriggersAreRefused() {
      assertThatThrownBy(() -> new ElementCount(0)).hasMessageContaining("below 1");
      assertThatThrownBy(() -> new AfterAll(List.of())).hasMessageContaining("no subtriggers");
      assertThatThrownBy(() -> new AlignTo(0, 0)).hasMessageContaining("below 1");
    }
  }

  @Nested
  class Combined {
    @Test
    void allWaitsForEachPart() {
      Window window = of(new AfterAll(List.of(new ElementCount(2), END_OF_WINDOW))).elements(1);
      assertThat(window.passEnd().fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void allAsksAgainForEachTimeItWaitsFor() {
      Trigger delay = new AfterProcessingTime(List.of(new Delay(10)));
      Window window = of(new AfterAll(List.of(new ElementCount(2), delay))).elements(1);
      assertThat(window.nextProcessingTime()).isEqualTo(10);
      assertThat(window.at(10).fires()).isFalse();
      assertThat(window.nextProcessingTime()).isEqualTo(Long.MAX_VALUE);
      assertThat(window.elements(1).fires()).isTrue();
    }

    @Test
    void anyTakesTheFirst() {
      Window window = of(new AfterAny(List.of(new ElementCount(2), END_OF_WINDOW)));
      assertThat(window.elements(1).fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void eachRunsOneAfterTheOther() {
      Window window = of(new AfterEach(List.of(new ElementCount(2), new ElementCount(1))));
      assertThat(window.elements(2).fires()).isTrue();
      assertThat(window.closed()).isFalse();
      assertThat(window.fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void repeatStartsAgain() {
      Window window = of(new Repeat(new AfterAny(List.of(new ElementCount(2), END_OF_WINDOW))));
      assertThat(window.elements(2).fires()).isTrue();
      assertThat(window.fires()).isFalse();
      assertThat(window.elements(2).fires()).isTrue();
      assertThat(window.closed()).isFalse();
      assertThat(window.nextEventTime()).isEqualTo(END);
    }

    @Test
    void orFinallyEndsWithItsSecondPartWhichCountsOverAllPanes() {
      Window window =
          of(new OrFinally(new Repeat(new ElementCount(2)), new ElementCount(5))).elements(2);
      assertThat(window.fires()).isTrue();
      assertThat(window.elements(2).fires()).isTrue();
      assertThat(window.closed()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void orFinallyEndsWithItsFirstPart() {
      Window window = of(new OrFinally(new ElementCount(1), END_OF_WINDOW)).elements(1);
      assertThat(window.fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void earlyAndLateFiringsRepeat() {
      Window window = of(new AfterEndOfWindow(new ElementCount(2), new ElementCount(3)));
      assertThat(window.elements(2).fires()).isTrue();
      assertThat(window.elements(1).fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.nextEventTime()).isEqualTo(END);
      assertThat(window.passEnd().fires()).isTrue();
      assertThat(window.elements(2).fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
      assertThat(window.elements(3).fires()).isTrue();
      assertThat(window.closed()).isFalse();
    }

    @Test
    void earlyFiringsOfSeveralPartsRepeatToo() {
      Trigger early = new AfterAny(List.of(new ElementCount(2), new ElementCount(4)));
      Window window = of(new AfterEndOfWindow(early, null)).elements(2);
      assertThat(window.fires()).isTrue();
      assertThat(window.elements(1).fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
    }

    @Test
    void withoutLateFiringsTheEndOfTheWindowIsTheEnd() {
      Window window = of(new AfterEndOfWindow(new ElementCount(2), null)).elements(1).passEnd();
      assertThat(window.fires()).isTrue();
      assertThat(window.closed()).isTrue();
    }

    @Test
    void lateFiringsAloneLeaveTheEndOfTheWindowAsItIs() {
      Window window = of(new AfterEndOfWindow(null, new ElementCount(1))).elements(3);
      assertThat(window.fires()).isFalse();
      assertThat(window.passEnd().fires()).isTrue();
      assertThat(window.fires()).isFalse();
      assertThat(window.elements(1).fires()).isTrue();
    }

    @Test
    void manyPartsHaveRoom() {
      List<Trigger> parts = new ArrayList<>();
      for (int i = 1; i <= 200; i++) {
        parts.add(new ElementCount(i));
      }
      Window window = of(new AfterEach(parts));
      for (int i = 1; i <= 200; i++) {
        assertThat(window.closed()).isFalse();
        assertThat(window.elements(i - 1).fires()).isFalse();
        assertThat(window.elements(1).fires()).isTrue();
      }
      assertThat(window.closed()).isTrue();
    }
  }

  @Nested
  class Merging {
    @Test
    void countsAreAdded() {
      Window one = merging(new ElementCount(3)).elements(1);
      Window other = merging(new ElementCount(3)).elements(2);
      assertThat(one.mergedWith(other).fires()).isTrue();
    }

    @Test
    void theEarliestDelayCounts() {
      Trigger delay = new AfterProcessingTime(List.of(new Delay(10)));
      Window one = merging(delay).at(3).elements(1);
      Window other = merging(delay).at(1).elements(1);
      Window result = one.mergedWith(other, merging(delay));
      assertThat(result.nextProcessingTime()).isEqualTo(11);
    }

    @Test
    void anEndOfWindowThatIsNotReachedAnyMoreWaitsAgain() {
      Trigger trigger = new AfterEndOfWindow(new ElementCount(2), new ElementCount(1));
      Window fired = merging(trigger).elements(1).passEnd();
      assertThat(fired.fires()).isTrue();
      Window result = merging(trigger).elements(1).mergedWith(fired);
      assertThat(result.nextEventTime()).isEqualTo(END);
      assertThat(result.fires()).isFalse();
      assertThat(result.elements(2).fires()).isTrue();
      assertThat(result.passEnd().fires()).isTrue();
    }

    @Test
    void anEndOfWindowThatHasFiredEverywhereIsOver() {
      Trigger trigger = new AfterEndOfWindow(new ElementCount(9), new ElementCount(2));
      Window one = merging(trigger).elements(1).passEnd();
      Window other = merging(trigger).elements(1).passEnd();
      assertThat(one.fires()).isTrue();
      assertThat(other.fires()).isTrue();
      one.elements(1);
      other.elements(1);
      assertThat(one.mergedWith(other).fires()).isTrue();
    }

    @Test
    void anEndOfWindowThatIsReachedButHasNotFiredEverywhereFires() {
      Trigger trigger = new AfterEndOfWindow(new ElementCount(9), new ElementCount(9));
      Window one = merging(trigger).elements(1).passEnd();
      assertThat(one.fires()).isTrue();
      assertThat(one.mergedWith(merging(trigger).elements(1)).fires()).isTrue();
    }

    @Test
    void eachGoesBackToAPartThatIsNotFinishedAnyMore() {
      Trigger trigger = new Repeat(new AfterEach(List.of(END_OF_WINDOW, new ElementCount(2))));
      Window fired = merging(trigger).elements(1).passEnd();
      assertThat(fired.fires()).isTrue();
      Window result = merging(trigger).elements(1).mergedWith(fired);
      assertThat(result.elements(5).fires()).isFalse();
      assertThat(result.passEnd().fires()).isTrue();
      assertThat(result.elements(1).fires()).isFalse();
      assertThat(result.elements(1).fires()).isTrue();
    }

    @Test
    void aCountThatWasReachedInOneWindowIsOver() {
      Trigger trigger = new AfterEach(List.of(new ElementCount(1), new ElementCount(3)));
      Window fired = merging(trigger).elements(1);
      assertThat(fired.fires()).isTrue();
      Window result = merging(trigger).elements(1).mergedWith(fired);
      assertThat(result.elements(1).fires()).isFalse();
      assertThat(result.elements(1).fires()).isTrue();
      assertThat(result.closed()).isTrue();
    }

    @Test
    void theResultKeepsWhatWasFinishedInItself() {
      TriggerMachine machine =
          TriggerMachine.of(
              new OrFinally(new Repeat(new ElementCount(1)), new ElementCount(3)), true);
      Window own = new Window(machine, null).elements(2);
      assertThat(own.fires()).isTrue();
      Window other = new Window(machine, null).elements(1);
      TriggerState merged = machine.merge(List.of(other.state, own.state), 1, false);
      Window result = new Window(machine, merged);
      assertThat(result.fires()).isTrue();
      assertThat(result.closed()).isTrue();
    }
  }
}
