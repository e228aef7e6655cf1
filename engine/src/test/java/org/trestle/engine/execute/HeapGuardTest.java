package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.execute.HeapGuard.Reading;

class HeapGuardTest {
  private final HeapGuard guard = new HeapGuard(List::of);
  private long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime()) + 1;
  private long collectingMillis = 1_000_000;

  @AfterEach
  void close() {
    guard.close();
  }

  /** The next second. */
  private boolean isFull(int collecting, double leftShare) {
    seconds++;
    collectingMillis += collecting;
    return guard.isFull(
        new Reading(TimeUnit.SECONDS.toNanos(seconds), collectingMillis, leftShare));
  }

  private boolean isFullAfter(int looks, int collecting, double leftShare) {
    for (int i = 1; i < looks; i++) {
      assertThat(isFull(collecting, leftShare)).as("second %d", i).isFalse();
    }
    return isFull(collecting, leftShare);
  }

  @Test
  void isFullWhenCollectionsTakeTheTimeAndLeaveNoRoom() {
    isFull(0, 0);
    assertThat(isFullAfter(3, 800, 0.99)).isTrue();
    assertThat(isFullAfter(23, 800, 0.99)).as("again, when the job had time to end").isTrue();
  }

  @Test
  void isNotFullWhileThereIsRoomOrTime() {
    isFull(0, 0);
    assertThat(isFullAfter(5, 800, 0.7)).as("much garbage").isFalse();
    assertThat(isFullAfter(5, 100, 0.99)).as("full, and quiet").isFalse();
    isFullAfter(2, 800, 0.99);
    isFull(100, 0.99);
    assertThat(isFullAfter(2, 800, 0.99)).as("not in a row").isFalse();
  }
}
