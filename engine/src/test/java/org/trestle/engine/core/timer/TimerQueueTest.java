package org.trestle.engine.core.timer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.core.bundle.TimeDomain.EVENT_TIME;
import static org.trestle.engine.core.bundle.TimeDomain.PROCESSING_TIME;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.watermark.HoldMultiset;

final class TimerQueueTest {
  private static final int GROUP = 3;

  private final HoldMultiset holds = new HoldMultiset();
  private final TimerQueue queue = new TimerQueue(8, holds);

  private static TimerKey timer(String key, String tag) {
    ByteKey bytes = ByteKey.wrap(new byte[] {(byte) key.charAt(0)});
    return new TimerKey("family", bytes, ByteKey.empty(), tag);
  }

  private void set(String key, String tag, TimeDomain domain, long fireAt, long hold) {
    queue.apply(new TimerUpdate.Set(timer(key, tag), GROUP, domain, fireAt, hold));
  }

  private void set(String key, String tag, long fireAt) {
    set(key, tag, EVENT_TIME, fireAt, fireAt);
  }

  private void clear(String key, String tag) {
    queue.apply(new TimerUpdate.Clear(timer(key, tag), GROUP));
  }

  private List<String> take(long watermark, long now, long max) {
    List<FiredTimer> fired = new ArrayList<>();
    queue.take(GROUP, watermark, now, max, fired);
    List<String> names = new ArrayList<>();
    for (FiredTimer timer : fired) {
      char key = (char) timer.timer().key().bytes()[0];
      names.add(key + "/" + timer.timer().tag() + "@" + timer.fireAt());
    }
    return names;
  }

  @Test
  void isDueWhenTheWatermarkHasPassedIt() {
    set("a", "t", 10);
    assertThat(queue.isDue(GROUP, 10, 99)).isFalse();
    assertThat(queue.isDue(GROUP, 11, 0)).isTrue();
    assertThat(queue.isDue(GROUP + 1, 11, 0)).isFalse();
    assertThat(take(10, 99, 100)).isEmpty();
    assertThat(take(11, 0, 100)).containsExactly("a/t@10");
    assertThat(queue.size()).isZero();
    assertThat(queue.nextGroup(0)).isEqualTo(-1);
  }

  @Test
  void takesOfEachKeyTheEarliestTimeOnly() {
    set("a", "late", 20);
    set("a", "x", 10);
    set("a", "y", 10);
    set("b", "late", 15);
    assertThat(take(100, 0, 100)).containsExactly("a/x@10", "a/y@10", "b/late@15");
    assertThat(take(100, 0, 100)).containsExactly("a/late@20");
  }

  @Test
  void replacesWhatWasSetBefore() {
    set("a", "t", 10);
    set("a", "t", 30);
    set("a", "u", 20);
    assertThat(queue.size()).isEqualTo(2);
    assertThat(holds.min()).isEqualTo(20);
    assertThat(take(100, 0, 100)).containsExactly("a/u@20");
    set("a", "t", 5);
    assertThat(take(100, 0, 100)).containsExactly("a/t@5");
  }

  @Test
  void settingAgainInTheOtherDomainReplacesToo() {
    set("a", "t", 10);
    set("a", "t", PROCESSING_TIME, 50, 10);
    assertThat(queue.isDue(GROUP, EventTime.MAX, 49)).isFalse();
    assertThat(queue.nextProcessingTime(GROUP)).isEqualTo(50);
    assertThat(take(0, 50, 100)).containsExactly("a/t@50");
  }

  @Test
  void clearsTheFirstOfSeveralWithTheSameTime() {
    set("a", "x", 10);
    set("a", "y", 10);
    clear("a", "x");
    clear("a", "never set");
    assertThat(take(11, 0, 100)).containsExactly("a/y@10");
  }

  @Test
  void clearsALaterOneOfTheSameTime() {
    set("a", "x", 10);
    set("a", "y", 10);
    clear("a", "y");
    assertThat(take(11, 0, 100)).containsExactly("a/x@10");
    assertThat(holds.size()).isEqualTo(1); // Of the timer that was taken.
  }

  @Test
  void clearsAllTimersOfAKeyAndWindow() {
    set("a", "x", 10);
    set("a", "y", 20);
    set("a", "p", PROCESSING_TIME, 5, 3);
    set("b", "x", 10);
    queue.apply(new TimerUpdate.ClearWindow(timer("a", "any"), GROUP));
    assertThat(queue.size()).isEqualTo(1);
    assertThat(holds.size()).isEqualTo(1);
    assertThat(take(100, 100, 100)).containsExactly("b/x@10");
  }

  @Test
  void takesNoMoreThanAskedFor() {
    set("a", "t", 10);
    set("b", "t", 12);
    set("c", "t", 11);
    assertThat(take(100, 0, 2)).containsExactly("a/t@10", "c/t@11");
    assertThat(take(100, 0, 2)).containsExactly("b/t@12");
  }

  @Test
  void takesEventTimeFirst() {
    set("a", "p", PROCESSING_TIME, 1, 1);
    set("a", "e", 10);
    assertThat(take(100, 100, 100)).containsExactly("a/e@10");
    assertThat(take(100, 100, 100)).containsExactly("a/p@1");
  }

  @Test
  void keepsTheHoldOfWhatIsTaken() {
    set("a", "t", EVENT_TIME, 10, 7);
    assertThat(holds.min()).isEqualTo(7);
    assertThat(take(11, 0, 100)).hasSize(1);
    assertThat(holds.min()).isEqualTo(7);
    clear("a", "t"); // Taken, so not there any more.
    assertThat(holds.min()).isEqualTo(7);
  }

  @Test
  void dropsEventTimersThatCanNeverFire() {
    set("a", "t", 10);
    set("a", "t", EventTime.MAX + 1);
    assertThat(queue.size()).isZero();
    assertThat(holds.isEmpty()).isTrue();
    set("a", "t", EventTime.MAX);
    assertThat(take(EventTime.MAX, 0, 100)).hasSize(1);
  }

  @Test
  void holdsStayInsideEventTime() {
    set("a", "low", EVENT_TIME, 1, Long.MIN_VALUE);
    assertThat(holds.min()).isEqualTo(EventTime.MIN);
    clear("a", "low");
    set("a", "high", EVENT_TIME, 1, Long.MAX_VALUE);
    assertThat(holds.min()).isEqualTo(EventTime.MAX - 1);
  }

  @Test
  void tellsTheNextEventTimeOfAllGroups() {
    assertThat(queue.nextEventTime()).isEqualTo(Long.MAX_VALUE);
    set("a", "t", 10);
    set("b", "t", 4);
    assertThat(queue.nextEventTime()).isEqualTo(4);
  }
}
