package org.trestle.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.operator.ReferenceGrouping.Input;
import org.trestle.engine.operator.ReferenceGrouping.Interval;
import org.trestle.engine.operator.ReferenceGrouping.Output;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Panes.Timing;

/**
 * Random elements, clocks, bundles and triggers: what the grouping gives out is what the naive
 * reference does, and what must hold for any output holds.
 */
class GroupingSimulationTest {
  private static final int SEEDS = Integer.getInteger("trestle.grouping.seeds", 1000);

  /** How elements get their windows. */
  enum Windows {
    GLOBAL {
      @Override
      List<Interval> assign(long time, Random random) {
        return List.of(new Interval(EventTime.MIN, EventTime.GLOBAL_WINDOW_MAX + 1));
      }
    },
    FIXED {
      @Override
      List<Interval> assign(long time, Random random) {
        long start = Math.floorDiv(time, 10) * 10;
        return List.of(new Interval(start, start + 10));
      }
    },
    SLIDING {
      @Override
      List<Interval> assign(long time, Random random) {
        long last = Math.floorDiv(time, 5) * 5;
        return List.of(new Interval(last, last + 10), new Interval(last - 5, last + 5));
      }
    },
    SESSIONS {
      @Override
      List<Interval> assign(long time, Random random) {
        Interval session = new Interval(time, time + 10);
        return random.nextInt(8) > 0
            ? List.of(session)
            : List.of(session, new Interval(time - 5, time + 5));
      }
    };

    abstract List<Interval> assign(long time, Random random);
  }

  @ParameterizedTest
  @EnumSource
  void doesWhatTheReferenceDoes(Windows windows) {
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
    private final Windows windows;
    private final Random random;
    private final Triggering triggering;
    private final ReferenceGrouping reference;
    private final List<Input> inputs = new ArrayList<>();
    private final Map<String, List<Panes.Pane>> panes = new HashMap<>();
    private final List<String> givenOut = new ArrayList<>();
    private long elements;

    Run(Windows windows, int seed) {
      this.windows = windows;
      this.random = new Random(seed * 31L + windows.name().length());
      this.triggering = new RandomTriggering(random).triggering(windows == Windows.SESSIONS);
      this.reference = new ReferenceGrouping(triggering);
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
      reference.watermark(grouping.watermark());
      reference.processingTime(grouping.processingTime());
      List<Map.Entry<String, Interval>> timers = new ArrayList<>();
      for (FiredTimer timer : grouping.lastTimers()) {
        timers.add(
            Map.entry(TestingGrouping.text(timer.timer().key()), interval(timer.timer().window())));
      }
      reference.bundle(inputs, timers);
      inputs.clear();

      List<TestingGrouping.Pane> actual = grouping.takePanes();
      assertThat(sorted(actual.stream().map(Run::output).toList()))
          .isEqualTo(sorted(reference.takeOutputs()));
      assertThat(grouping.droppedDueToLateness()).isEqualTo(reference.droppedLate());
      assertThat(grouping.droppedDueToClosedWindow()).isEqualTo(reference.droppedClosed());
      assertThat(grouping.windows()).isEqualTo(reference.windows());
      long held =
          reference.windows() == 0 ? EventTime.MAX : Math.min(EventTime.MAX - 1, reference.held());
      assertThat(grouping.held()).as("hold").isEqualTo(held);
      actual.forEach(pane -> check(pane, outputWatermark));
    }

    /** What holds for the panes of any key and window. */
    private void check(TestingGrouping.Pane pane, long outputWatermark) {
      Interval window = interval(pane.window());
      Panes.Pane info = pane.info();
      if (info.timing() == Timing.LATE) {
        assertThat(triggering.expiry(window.last()))
            .as("late pane is not dropped by who has the same lateness")
            .isGreaterThanOrEqualTo(Math.min(outputWatermark, EventTime.MAX));
      } else {
        assertThat(pane.timestamp()).as("pane in time").isGreaterThanOrEqualTo(outputWatermark);
      }
      assertThat(pane.timestamp()).isLessThanOrEqualTo(window.last());
      givenOut.addAll(pane.values());
      if (windows == Windows.SESSIONS) {
        // A session that comes again after it was merged away starts anew.
        return;
      }
      List<Panes.Pane> before =
          panes.computeIfAbsent(pane.key() + window, any -> new ArrayList<>());
      assertThat(info.first()).isEqualTo(before.isEmpty());
      assertThat(info.index()).isEqualTo(before.size());
      assertThat(before).noneMatch(Panes.Pane::last);
      long notEarly = before.stream().filter(other -> other.timing() != Timing.EARLY).count();
      assertThat(info.nonSpeculativeIndex())
          .isEqualTo(info.timing() == Timing.EARLY ? -1 : notEarly);
      assertThat(info.timing() == Timing.EARLY || info.timing() == Timing.ON_TIME)
          .isEqualTo(notEarly == 0 && info.timing() != Timing.LATE);
      before.add(info);
    }

    private void checkNothingIsLost(TestingGrouping grouping) {
      if (triggering.accumulation() != Accumulation.DISCARDING || windows == Windows.SESSIONS) {
        assertThat(new TreeSet<>(givenOut).size()).isLessThanOrEqualTo((int) elements);
        return;
      }
      long perElement = windows == Windows.SLIDING ? 2 : 1;
      assertThat(
              givenOut.size()
                  + grouping.droppedDueToLateness()
                  + grouping.droppedDueToClosedWindow())
          .as("elements given out or dropped")
          .isEqualTo(elements * perElement);
      Map<String, Long> times = new HashMap<>();
      givenOut.forEach(value -> times.merge(value, 1L, Long::sum));
      assertThat(times.values()).allMatch(count -> count <= perElement);
    }

    private static Output output(TestingGrouping.Pane pane) {
      return new Output(
          pane.key(), interval(pane.window()), pane.values(), pane.timestamp(), pane.info());
    }

    private static Interval interval(ByteKey window) {
      byte[] bytes = window.bytes();
      return new Interval(
          IntervalWindows.start(bytes, 0, bytes.length),
          IntervalWindows.end(bytes, 0, bytes.length));
    }

    private static List<String> sorted(Collection<Output> outputs) {
      return outputs.stream()
          .map(
              output ->
                  output.key()
                      + output.window()
                      + new TreeSet<>(output.values())
                      + output.values().size()
                      + "@"
                      + output.timestamp()
                      + output.info())
          .sorted()
          .toList();
    }
  }
}
