package org.trestle.engine.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.operator.ReferenceGrouping.Input;
import org.trestle.engine.operator.ReferenceGrouping.Interval;
import org.trestle.engine.operator.ReferenceGrouping.Output;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Panes.Timing;

/** Compares a grouping with the naive reference, bundle by bundle. */
public final class GroupingOracle {
  private final Triggering triggering;
  private final boolean sessions;
  private final ReferenceGrouping reference;
  private final Map<String, List<Panes.Pane>> panes = new HashMap<>();
  private final List<String> givenOut = new ArrayList<>();

  public GroupingOracle(Triggering triggering, boolean sessions) {
    this.triggering = triggering;
    this.sessions = sessions;
    this.reference = new ReferenceGrouping(triggering);
  }

  public ReferenceGrouping reference() {
    return reference;
  }

  /** The values of all panes so far. */
  public List<String> givenOut() {
    return givenOut;
  }

  /**
   * Checks the panes of a bundle.
   *
   * @param outputWatermark of the grouping, before the bundle
   */
  public void bundle(
      List<Input> inputs,
      List<FiredTimer> fired,
      long watermark,
      long processingTime,
      List<TestingGrouping.Pane> actual,
      long outputWatermark) {
    reference.watermark(watermark);
    reference.processingTime(processingTime);
    List<Map.Entry<String, Interval>> timers = new ArrayList<>();
    for (FiredTimer timer : fired) {
      timers.add(
          Map.entry(
              TestingGrouping.keyText(timer.timer().key()), interval(timer.timer().window())));
    }
    reference.bundle(inputs, timers);
    assertThat(sorted(actual.stream().map(GroupingOracle::output).toList()))
        .isEqualTo(sorted(reference.takeOutputs()));
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
    if (sessions) {
      // A session that comes again after it was merged away starts anew.
      return;
    }
    List<Panes.Pane> before = panes.computeIfAbsent(pane.key() + window, any -> new ArrayList<>());
    assertThat(info.first()).isEqualTo(before.isEmpty());
    assertThat(info.index()).isEqualTo(before.size());
    assertThat(before).noneMatch(Panes.Pane::last);
    long notEarly = before.stream().filter(other -> other.timing() != Timing.EARLY).count();
    assertThat(info.nonSpeculativeIndex()).isEqualTo(info.timing() == Timing.EARLY ? -1 : notEarly);
    assertThat(info.timing() == Timing.EARLY || info.timing() == Timing.ON_TIME)
        .isEqualTo(notEarly == 0 && info.timing() != Timing.LATE);
    before.add(info);
  }

  /** Checks at the end that each element came out as often as it had to, or was counted. */
  public static void checkNothingIsLost(
      Triggering triggering,
      RandomWindows windows,
      long elements,
      List<String> givenOut,
      long dropped) {
    if (triggering.accumulation() != Accumulation.DISCARDING || windows == RandomWindows.SESSIONS) {
      assertThat(new TreeSet<>(givenOut).size()).isLessThanOrEqualTo((int) elements);
      return;
    }
    long perElement = windows == RandomWindows.SLIDING ? 2 : 1;
    assertThat(givenOut.size() + dropped)
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
        IntervalWindows.start(bytes, 0, bytes.length), IntervalWindows.end(bytes, 0, bytes.length));
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
