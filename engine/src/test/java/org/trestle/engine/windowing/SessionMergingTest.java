package org.trestle.engine.windowing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowMerger.Merged;
import org.trestle.fn.wire.IntervalWindows;

class SessionMergingTest {
  private final SessionMerging merging = new SessionMerging();

  @Test
  void windowsThatOverlapMerge() {
    assertThat(merge(window(20, 30), window(0, 10), window(5, 15), window(14, 21)))
        .containsExactly(
            new Merged(
                window(0, 30),
                List.of(window(0, 10), window(5, 15), window(14, 21), window(20, 30))));
  }

  @Test
  void windowsThatTouchStayApart() {
    assertThat(merge(window(0, 10), window(10, 20)))
        .containsExactly(
            new Merged(window(0, 10), List.of(window(0, 10))),
            new Merged(window(10, 20), List.of(window(10, 20))));
  }

  @Test
  void aWindowInsideAnotherDoesNotShortenIt() {
    assertThat(merge(window(0, 100), window(10, 20), window(50, 60), window(100, 101)))
        .containsExactly(
            new Merged(window(0, 100), List.of(window(0, 100), window(10, 20), window(50, 60))),
            new Merged(window(100, 101), List.of(window(100, 101))));
  }

  @Test
  void timesBeforeTheEpochSortBeforeOthers() {
    assertThat(merge(window(-3, 2), window(-10, -5), window(1, 4)))
        .containsExactly(
            new Merged(window(-10, -5), List.of(window(-10, -5))),
            new Merged(window(-3, 4), List.of(window(-3, 2), window(1, 4))));
  }

  @Test
  void eachSetIsMergedForItself() {
    assertThat(merging.merge(List.of(List.of(window(0, 10)), List.of(window(5, 15)))))
        .containsExactly(
            List.of(new Merged(window(0, 10), List.of(window(0, 10)))),
            List.of(new Merged(window(5, 15), List.of(window(5, 15)))));
  }

  private List<Merged> merge(ByteKey... windows) {
    return merging.merge(List.of(List.of(windows))).get(0);
  }

  private static ByteKey window(long start, long end) {
    return ByteKey.wrap(IntervalWindows.encode(start, end));
  }
}
