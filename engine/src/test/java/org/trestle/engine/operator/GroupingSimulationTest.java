package org.trestle.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.operator.ReferenceGrouping.Input;
import org.trestle.engine.operator.ReferenceGrouping.Interval;
import org.trestle.engine.shuffle.TestingElements;

/**
 * Random elements, clocks, bundles and triggers: what the grouping gives out is what the naive
 * reference does, and what must hold for any output holds.
 */
class GroupingSimulationTest {
  private static final int SEEDS = Integer.getInteger("trestle.grouping.seeds", 1000);

  @ParameterizedTest
  @EnumSource
  void doesWhatTheReferenceDoes(RandomWindows windows) {
    for (int seed = 0; seed < SEEDS; seed++) {
      try {
        new Run(windows, seed).run();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(windows + " with seed " + seed + ": " + e.getMessage(), e);
      }
    }
  }

  /** The run of one seed. */
  private static final class Run {
    private final RandomWindows windows;
    private final Random random;
    private final Triggering triggering;
    private final GroupingOracle oracle;
    private final ReferenceGrouping reference;
    private final List<Input> inputs = new ArrayList<>();
    private long elements;

    Run(RandomWindows windows, int seed) {
      this.windows = windows;
      this.random = new Random(seed * 31L + windows.name().length());
      this.triggering = new RandomTriggering(random).triggering(windows == RandomWindows.SESSIONS);
      this.oracle = new GroupingOracle(triggering, windows == RandomWindows.SESSIONS);
      this.reference = oracle.reference();
    }

    void run() {
      long memory = random.nextInt(4) == 0 ? 0 : 1L << 40;
      try (TestingGrouping grouping =
          new TestingGrouping(triggering, TestingElements.INTERVALS, true, memory)) {
        int steps = 5 + random.nextInt(40);
        for (int i = 0; i < steps; i++) {
          step(grouping);
        }
        bundle(grouping);
        grouping.watermark(EventTime.MAX);
        rest(grouping);
        assertThat(grouping.leftovers()).as("left at the end of %s", triggering).isNull();
        checkNothingIsLost(grouping);
      } catch (AssertionError e) {
        throw new AssertionError(triggering + ": " + e.getMessage(), e);
      }
    }

    private void step(TestingGrouping grouping) {
      switch (random.nextInt(10)) {
        case 0, 1, 2, 3 -> {
          for (int i = 1 + random.nextInt(3); i > 0; i--) {
            element(grouping);
          }
        }
        case 4, 5 -> bundle(grouping);
        case 6 -> grouping.watermark(base(grouping) + random.nextInt(8));
        case 7 -> grouping.watermark(base(grouping) + random.nextInt(40));
        case 8 -> grouping.processingTime(grouping.processingTime() + random.nextInt(8));
        default -> rest(grouping);
      }
    }

    private static long base(TestingGrouping grouping) {
      return Math.max(grouping.watermark(), 0);
    }

    private void element(TestingGrouping grouping) {
      String key = "k" + random.nextInt(3);
      String value = "v" + elements++;
      long time = base(grouping) + random.nextInt(25) - random.nextInt(25);
      List<Interval> assigned = windows.assign(time, random);
      inputs.add(new Input(key, value, time, assigned));
      grouping.element(
          key,
          value,
          time,
          assigned.stream()
              .map(interval -> TestingElements.interval(interval.start(), interval.end()))
              .toArray(ByteKey[]::new));
    }

    private void rest(TestingGrouping grouping) {
      int bundles = 0;
      do {
        bundle(grouping);
        assertThat(bundles++).as("bundles until it rests").isLessThan(200);
      } while (grouping.timersAreDue());
      assertThat(reference.forgotten()).as("windows without a timer").isEmpty();
    }

    private void bundle(TestingGrouping grouping) {
      long outputWatermark = grouping.outputWatermark();
      grouping.runBundle(1 + random.nextInt(3));
      oracle.bundle(
          inputs,
          grouping.lastTimers(),
          grouping.watermark(),
          grouping.processingTime(),
          grouping.takePanes(),
          outputWatermark);
      inputs.clear();
      assertThat(grouping.droppedDueToLateness()).isEqualTo(reference.droppedLate());
      assertThat(grouping.droppedDueToClosedWindow()).isEqualTo(reference.droppedClosed());
      assertThat(grouping.windows()).isEqualTo(reference.windows());
      long held =
          reference.windows() == 0 ? EventTime.MAX : Math.min(EventTime.MAX - 1, reference.held());
      assertThat(grouping.held()).as("hold").isEqualTo(held);
    }

    private void checkNothingIsLost(TestingGrouping grouping) {
      GroupingOracle.checkNothingIsLost(
          triggering,
          windows,
          elements,
          oracle.givenOut(),
          grouping.droppedDueToLateness() + grouping.droppedDueToClosedWindow());
    }
  }
}
