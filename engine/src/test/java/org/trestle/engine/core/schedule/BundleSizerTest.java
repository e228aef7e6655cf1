package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BundleSizerTest {
  // At least 100 elements or 1000 bytes, at most 10,000 or 100,000 bytes, 500 of stages with state;
  // two bundles for a slot.
  private static final SchedulingPolicy POLICY =
      new SchedulingPolicy(4, 100, 1000, 10_000, 100_000, 500, 2, 1000, 2000, false);

  private final BundleSizer sizer = new BundleSizer(POLICY);

  @ParameterizedTest
  @CsvSource({
    // pending, bytes, slots, expected
    "1,          10,     1,      1",
    "5000,    50000,     1,   5000",
    "8000,    80000,     1,   7000", // The last one is small.
    "1000000, 1000000,   1,  10000",
    "4000,     4000,     2,   1000",
    "4000,     4000,     4,    500",
    "150,       150,     4,    100",
    "8,        8000,     2,      2",
    "40,       4000,     2,     10",
    "1000000, 1000000,   2,  10000",
    "7,           0,     0,      7"
  })
  void sharesElementsBetweenTheSlots(long pending, long bytes, int slots, long expected) {
    assertThat(sizer.elements(pending, bytes, slots)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    // pending, together, slots, expected
    "1,     1, 2,   1",
    "2,     1, 2,   1",
    "8,     1, 2,   2",
    "9,     1, 2,   3",
    "8,     1, 1,   8",
    "8,     5, 2,   5",
    "200, 200, 2, 100",
    "800, 800, 2, 200"
  })
  void piecesThatAreGivenBackAreWorthABundleEach(
      long pending, int together, int slots, long expected) {
    assertThat(sizer.residuals(pending, together, slots)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"99, 999, false", "100, 1, true", "1, 1000, true"})
  void isWorthwhileByNumberOrSize(long elements, long bytes, boolean expected) {
    assertThat(sizer.isWorthwhile(elements, bytes)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    // groups, elements, bytes, slots, expected
    "32,     10,       100,  4, 32", // Not worth several.
    "32,   1000,       100,  4,  4", // All slots, twice.
    "32,    300,       100,  4, 11", // As many as are worth it.
    "32,   1000,       100,  1, 32",
    "32,   8000,       100,  1, 28", // The last one is small.
    "32,  50000,       100,  1,  7", // As many as fit.
    "32,     10,   1000000,  4,  1", // Large ones.
    "1,  100000,   1000000,  4,  1",
    "2,  100000,   1000000,  4,  1"
  })
  void closesGroupsSoThatAllSlotsGetWork(
      int groups, long elements, long bytes, int slots, int expected) {
    assertThat(sizer.closingGroups(groups, elements, bytes, slots)).isEqualTo(expected);
  }

  @Test
  void theFirstClosingBundlesAreSmall() {
    List<Integer> sizes = new ArrayList<>();
    int groups = 256;
    for (int i = 0; i < 8; i++) {
      int next = sizer.closingGroups(groups, groups * 100L, groups, 2);
      sizes.add(next);
      groups -= next;
    }
    // Shares of 32 bundles for both slots, then of 16, 8 and at last 4.
    assertThat(sizes).containsExactly(8, 8, 15, 15, 27, 23, 40, 30);
  }

  @Test
  void sharesGetSmallerTowardsTheEnd() {
    long pending = 10_000;
    long last = Long.MAX_VALUE;
    int bundles = 0;
    while (pending > 0) {
      long share = Math.min(pending, sizer.elements(pending, pending, 4));
      assertThat(share).isLessThanOrEqualTo(last);
      last = share;
      pending -= share;
      bundles++;
    }
    assertThat(bundles).isBetween(8, 40);
  }

  @Test
  void fullBundlesThatAreDoneSoonMakeLargerOnes() {
    sizer.took(10_000, 50_000, 300);
    assertThat(sizer.elements(1_000_000, 1_000_000, 1)).isEqualTo(20_000);
    assertThat(sizer.maxBytes()).isEqualTo(200_000);

    sizer.took(1000, 200_000, 300);
    assertThat(sizer.maxBytes()).isEqualTo(400_000);

    sizer.took(1000, 200_000, 300);
    assertThat(sizer.maxBytes()).as("after one that was not full").isEqualTo(400_000);

    sizer.took(40_000, 0, 1500);
    assertThat(sizer.maxBytes()).as("after one that took long enough").isEqualTo(400_000);

    sizer.took(1000, 0, 2500);
    assertThat(sizer.maxBytes()).as("after one that took too long").isEqualTo(200_000);
  }

  @Test
  void bundlesGrowToABound() {
    for (int i = 0; i < 100; i++) {
      sizer.took(1_000_000, 0, 1);
    }
    assertThat(sizer.maxBytes()).isEqualTo(800_000);
    for (int i = 0; i < 100; i++) {
      sizer.took(1, 0, 1 << 30);
    }
    assertThat(sizer.maxBytes()).isEqualTo(100_000);
  }

  @Test
  void stagesWithStateHaveAnotherBound() {
    assertThat(BundleSizer.ofStateful(POLICY).elements(5000, 50_000, 1)).isEqualTo(500);
  }

  @Test
  void smallMemoryMakesSmallBundles() {
    SchedulingPolicy small = SchedulingPolicy.BATCH.within(100 << 20);
    assertThat(small.maxBytes()).isEqualTo((100 << 20) / 64);
    assertThat(small.maxStatefulElements()).isEqualTo((100 << 20) / 5000);

    SchedulingPolicy smallest = SchedulingPolicy.BATCH.within(0);
    assertThat(smallest.maxBytes()).isEqualTo(1 << 20);
    assertThat(smallest.maxStatefulElements()).isEqualTo(smallest.minElements());

    assertThat(SchedulingPolicy.BATCH.within(8L << 30)).isEqualTo(SchedulingPolicy.BATCH);
  }
}
