package org.trestle.engine.operator;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.engine.windowing.WindowingStrategySpec.ClosingBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.Panes;

/**
 * The rules of windowing, done for one element after the other with plain collections and no
 * thought of speed. It is told which windows a bundle's timers are for, and says afterwards whether
 * a timer is missing.
 */
public final class ReferenceGrouping {
  /** A window from start (inclusive) to end (exclusive). */
  public record Interval(long start, long end) {
    public long last() {
      return Math.min(end - 1, EventTime.MAX);
    }
  }

  /** An element of the input. */
  public record Input(String key, String value, long timestamp, List<Interval> windows) {}

  /** A pane of the output. */
  public record Output(
      String key, Interval window, List<String> values, long timestamp, Panes.Pane info) {}

  /** An element of the pane that is to come. */
  private record Waiting(long timestamp, boolean inTime, boolean beforeEnd) {}

  private final Triggering triggering;
  private final Map<String, List<Window>> windowsByKey = new TreeMap<>();
  private final List<Output> outputs = new ArrayList<>();
  private long watermark = EventTime.MIN;
  private long now;
  private long droppedLate;
  private long droppedClosed;

  public ReferenceGrouping(Triggering triggering) {
    this.triggering = triggering;
  }

  /** What is known of a key and window. */
  private final class Window {
    private final String key;
    private final Interval interval;
    private ReferenceTrigger trigger;
    private boolean closed;
    private final List<String> values = new ArrayList<>();
    private final List<Waiting> waiting = new ArrayList<>();
    private final List<Panes.Pane> panes = new ArrayList<>();
    private long held = EventTime.MAX;

    Window(String key, Interval interval) {
      this.key = key;
      this.interval = interval;
      this.trigger = new ReferenceTrigger(triggering.trigger(), merging());
    }

    boolean past() {
      return watermark > interval.last() || watermark == EventTime.MAX;
    }

    long expiry() {
      long last = interval.last();
      return triggering.allowedLateness() > EventTime.MAX - last
          ? EventTime.MAX
          : last + triggering.allowedLateness();
    }

    boolean expired() {
      return watermark > expiry() || watermark == EventTime.MAX;
    }

    void add(Input input) {
      values.add(input.value);
      long time =
          triggering.outputTime() == OutputTime.END_OF_WINDOW ? interval.last() : input.timestamp;
      waiting.add(new Waiting(time, !past() && time >= watermark, !past()));
      trigger.element(now);
    }

    boolean hasNonEarlyPane() {
      return panes.stream().anyMatch(pane -> pane.timing() != Panes.Timing.EARLY);
    }

    Panes.Pane next(boolean last) {
      boolean inTime = waiting.stream().anyMatch(Waiting::inTime) || held <= interval.last();
      Panes.Timing timing =
          hasNonEarlyPane()
              ? Panes.Timing.LATE
              : !past() ? Panes.Timing.EARLY : inTime ? Panes.Timing.ON_TIME : Panes.Timing.LATE;
      long nonEarly = panes.stream().filter(pane -> pane.timing() != Panes.Timing.EARLY).count();
      return new Panes.Pane(
          panes.isEmpty(),
          last,
          timing,
          panes.size(),
          timing == Panes.Timing.EARLY ? -1 : nonEarly);
    }

    boolean wanted(Panes.Pane pane) {
      return !waiting.isEmpty()
          || (pane.timing() == Panes.Timing.ON_TIME
              && triggering.onTimeBehavior() == OnTimeBehavior.FIRE_ALWAYS)
          || (pane.last() && triggering.closingBehavior() == ClosingBehavior.EMIT_ALWAYS);
    }

    long timestamp() {
      Comparator<Waiting> byTime = Comparator.comparingLong(Waiting::timestamp);
      if (triggering.outputTime() == OutputTime.LATEST) {
        byTime = byTime.reversed();
      }
      return triggering.outputTime() == OutputTime.END_OF_WINDOW
          ? interval.last()
          : waiting.stream()
              .filter(Waiting::inTime)
              .min(byTime)
              .map(Waiting::timestamp)
              .orElse(interval.last());
    }

    void giveOut(boolean last) {
      Panes.Pane pane = next(last);
      if (wanted(pane)) {
        outputs.add(new Output(key, interval, List.copyOf(values), timestamp(), pane));
        panes.add(pane);
      }
      waiting.clear();
      if (triggering.accumulation() == Accumulation.DISCARDING) {
        values.clear();
      }
      closed = last;
    }

    void ask() {
      if (closed) {
        return;
      }
      if (!trigger.isFinished()) {
        if (!trigger.ready(past(), now)) {
          return;
        }
        trigger.fire(past(), now);
      }
      giveOut(trigger.isFinished());
    }

    /** Whether a timer of the window is missing, when all that were due have come. */
    boolean isForgotten() {
      return expired() || (!closed && trigger.ready(past(), now) && wanted(next(false)));
    }

    /** Where the window holds the output watermark from now on. */
    void hold() {
      held = EventTime.MAX;
      if (closed) {
        return;
      }
      if (waiting.stream().anyMatch(Waiting::inTime)) {
        held = timestamp();
      }
      if (waiting.stream().anyMatch(element -> !element.inTime && element.beforeEnd)) {
        held = Math.min(held, interval.last());
      } else if (waiting.stream().anyMatch(element -> !element.inTime)) {
        held = Math.min(held, expiry());
      }
      boolean paneAtEnd = trigger.waitsForEnd() || expiry() == interval.last();
      if (paneAtEnd
          && triggering.onTimeBehavior() == OnTimeBehavior.FIRE_ALWAYS
          && !hasNonEarlyPane()
          && !past()) {
        held = Math.min(held, interval.last());
      }
      if (triggering.closingBehavior() == ClosingBehavior.EMIT_ALWAYS) {
        held = Math.min(held, expiry());
      }
    }
  }

  private boolean merging() {
    return triggering.merger() != null;
  }

  public void watermark(long time) {
    watermark = Math.max(watermark, time);
  }

  public void processingTime(long time) {
    now = Math.max(now, time);
  }

  /**
   * Runs a bundle.
   *
   * @param timers windows of timers, in order
   */
  public void bundle(List<Input> inputs, List<Map.Entry<String, Interval>> timers) {
    Set<Window> touched = new LinkedHashSet<>();
    Map<String, List<Interval>> merged = merging() ? mergeAll(inputs) : Map.of();
    for (Input input : inputs) {
      Set<Window> targets = new LinkedHashSet<>();
      for (Interval interval : input.windows) {
        if (isTooLate(interval)) {
          droppedLate++;
          continue;
        }
        Window window = target(input.key, interval, merged);
        if (!merging() || targets.add(window)) {
          if (window.closed) {
            droppedClosed++;
          } else {
            window.add(input);
            touched.add(window);
            if (counts(triggering.trigger())) {
              window.ask();
            }
          }
        }
      }
    }
    touched.forEach(Window::ask);
    for (Map.Entry<String, Interval> timer : timers) {
      Window window = find(timer.getKey(), timer.getValue());
      if (window != null && window.expired()) {
        if (!window.closed) {
          window.giveOut(true);
        }
        windowsOf(timer.getKey()).remove(window);
      } else if (window != null) {
        window.ask();
      }
      if (window != null) {
        touched.add(window);
      }
    }
    touched.forEach(Window::hold);
  }

  /** Whether a trigger is asked after each element. */
  private static boolean counts(Trigger trigger) {
    return trigger instanceof Trigger.ElementCount
        || trigger instanceof Trigger.Always
        || trigger.parts().stream().anyMatch(ReferenceGrouping::counts);
  }

  /** The panes that were given out since this was last asked. */
  public List<Output> takeOutputs() {
    List<Output> taken = List.copyOf(outputs);
    outputs.clear();
    return taken;
  }

  public long droppedLate() {
    return droppedLate;
  }

  public long droppedClosed() {
    return droppedClosed;
  }

  /** Keys and windows for which a timer should have come. */
  public List<String> forgotten() {
    return all().filter(Window::isForgotten).map(window -> window.key + window.interval).toList();
  }

  /** How many keys and windows are known. */
  public long windows() {
    return all().count();
  }

  /** The earliest hold; {@link EventTime#MAX} if there is none. */
  public long held() {
    return all().mapToLong(window -> window.held).min().orElse(EventTime.MAX);
  }

  private Stream<Window> all() {
    return windowsByKey.values().stream().flatMap(List::stream);
  }

  /** Whether elements of the window are dropped. */
  public boolean isTooLate(Interval interval) {
    return new Window("", interval).expiry() < watermark;
  }

  private List<Window> windowsOf(String key) {
    return windowsByKey.computeIfAbsent(key, any -> new ArrayList<>());
  }

  private @Nullable Window find(String key, Interval interval) {
    return windowsOf(key).stream()
        .filter(window -> window.interval.equals(interval))
        .findFirst()
        .orElse(null);
  }

  /** The window that an element's window is, or has become. */
  private Window target(String key, Interval interval, Map<String, List<Interval>> merged) {
    Interval result =
        merged.getOrDefault(key, List.of()).stream()
            .filter(outer -> contains(outer, interval))
            .findFirst()
            .orElse(interval);
    Window known = find(key, result);
    if (known != null) {
      return known;
    }
    Window window = new Window(key, result);
    windowsOf(key).add(window);
    return window;
  }

  private static boolean contains(Interval outer, Interval inner) {
    return outer.start <= inner.start && inner.end <= outer.end;
  }

  /** Merges the sessions of all keys that have elements, and says what they are then. */
  private Map<String, List<Interval>> mergeAll(List<Input> inputs) {
    Map<String, List<Interval>> intervals = new TreeMap<>();
    for (Input input : inputs) {
      for (Interval interval : input.windows) {
        if (!isTooLate(interval)) {
          intervals.computeIfAbsent(input.key, any -> new ArrayList<>()).add(interval);
        }
      }
    }
    intervals.forEach(
        (key, all) -> {
          for (Window window : windowsOf(key)) {
            if (!window.closed) {
              all.add(window.interval);
            }
          }
          while (joinTwo(all)) {}
          all.forEach(result -> mergeInto(key, result));
        });
    return intervals;
  }

  /** Joins two intervals that overlap; false if there are none. */
  private static boolean joinTwo(List<Interval> all) {
    for (int i = 0; i < all.size(); i++) {
      for (int j = i + 1; j < all.size(); j++) {
        Interval one = all.get(i);
        Interval other = all.get(j);
        if (one.start < other.end && other.start < one.end) {
          all.remove(j);
          all.set(i, new Interval(Math.min(one.start, other.start), Math.max(one.end, other.end)));
          return true;
        }
      }
    }
    return false;
  }

  private void mergeInto(String key, Interval result) {
    List<Window> sources =
        windowsOf(key).stream()
            .filter(window -> !window.closed && contains(result, window.interval))
            .toList();
    if (sources.isEmpty() || (sources.size() == 1 && sources.get(0).interval.equals(result))) {
      return;
    }
    Window merged = new Window(key, result);
    for (Window source : sources) {
      if (source.interval.equals(result)) {
        merged.panes.addAll(source.panes);
        merged.trigger.copyFinished(source.trigger);
      }
    }
    merged.trigger.merge(sources.stream().map(source -> source.trigger).toList(), merged.past());
    for (Window source : sources) {
      merged.values.addAll(source.values);
      for (Waiting element : source.waiting) {
        merged.waiting.add(
            new Waiting(
                triggering.outputTime() == OutputTime.END_OF_WINDOW
                    ? result.last()
                    : element.timestamp,
                element.inTime,
                element.beforeEnd || !merged.past()));
      }
      merged.held = Math.min(merged.held, source.held);
    }
    windowsOf(key).removeAll(sources);
    windowsOf(key).removeIf(window -> window.interval.equals(result));
    windowsOf(key).add(merged);
  }
}
