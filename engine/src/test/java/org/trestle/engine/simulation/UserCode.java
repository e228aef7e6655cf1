package org.trestle.engine.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.simulation.SimPipeline.SimStage;

/**
 * The functions of simulated stages.
 *
 * <p>Their results do not depend on the order of elements, but do depend on watermarks: a window's
 * timer that fires before all elements of the window were processed gives a wrong sum. Outputs are
 * never earlier than their input, so nothing is late.
 */
final class UserCode {
  private static final int WINDOW = 10;

  /** What a firing shows that must never happen. */
  static final long POISON = -666;

  /** What a stage has kept for a key and window. */
  static final class WindowState {
    private long sum;
    private long count;
    private int loops;
    private boolean seenProcessingTime;
  }

  /** What a function may do. */
  interface Effects {
    void emit(int output, long value, long timestamp);

    void update(TimerUpdate update);

    WindowState state(int key, long window);
  }

  private UserCode() {}

  static long mix(long a, long b) {
    long hash = a * 0x9E3779B97F4A7C15L + b;
    hash ^= hash >>> 29;
    hash *= 0xBF58476D1CE4E5B9L;
    hash ^= hash >>> 32;
    return Math.floorMod(hash, 100_000L);
  }

  /** When the window of a moment ends, exclusively. */
  static long windowEnd(long timestamp) {
    return (Math.floorDiv(timestamp, WINDOW) + 1) * WINDOW;
  }

  /** The elements of a side input that belong to the window of an element. */
  static List<Element> sameWindow(Element element, List<Element> side) {
    List<Element> same = new ArrayList<>();
    for (Element candidate : side) {
      if (windowEnd(candidate.timestamp()) == windowEnd(element.timestamp())) {
        same.add(candidate);
      }
    }
    return same;
  }

  private static void emitAll(SimStage stage, Effects effects, long value, long timestamp) {
    for (int output = 0; output < stage.spec().outputs().size(); output++) {
      long mixed = mix(value, stage.salt() + output);
      if (output == 0 || mixed % 2 == 0) {
        effects.emit(output, mixed, timestamp);
      }
    }
  }

  /** Maps an element to none, one or two others. */
  static void map(SimStage stage, Element element, long side, Effects effects) {
    long value = mix(element.value(), stage.salt() + side);
    int copies = value % 5 == 0 ? 0 : value % 5 == 1 ? 2 : 1;
    for (int copy = 0; copy < copies; copy++) {
      emitAll(stage, effects, value + copy, element.timestamp() + (value + copy) % 4);
    }
  }

  /** Reads one position of an element's restriction. */
  static void read(SimStage stage, Element element, int position, Effects effects) {
    long value = mix(element.value(), stage.salt() + 31L * position);
    if (value % 3 == 0) {
      emitAll(stage, effects, value, element.timestamp() + position);
    }
  }

  /** Adds up what came for a key when all is there. */
  static void close(SimStage stage, int key, List<Element> elements, Effects effects) {
    long sum = 0;
    long latest = Long.MIN_VALUE;
    for (Element element : elements) {
      sum += element.value();
      latest = Math.max(latest, element.timestamp());
    }
    emitAll(stage, effects, mix(sum, key) + elements.size(), latest);
  }

  // ---- state and timers ----

  private static TimerKey timer(int key, long window, String tag) {
    ByteKey windowBytes = ByteKey.wrap(ByteBuffer.allocate(8).putLong(window).array());
    return new TimerKey("sums", ByteKey.wrap(new byte[] {(byte) key}), windowBytes, tag);
  }

  static int keyOf(FiredTimer timer) {
    return timer.timer().key().bytes()[0];
  }

  private static void set(Effects effects, int key, long window, String tag, long at, long hold) {
    effects.update(
        new TimerUpdate.Set(
            timer(key, window, tag), Element.keyGroup(key), TimeDomain.EVENT_TIME, at, hold));
  }

  private static void clear(Effects effects, int key, long window, String tag) {
    effects.update(new TimerUpdate.Clear(timer(key, window, tag), Element.keyGroup(key)));
  }

  /** Adds an element to its window, and sets that window's timers. */
  static void addToWindow(SimStage stage, Element element, long now, Effects effects) {
    int key = element.key();
    long end = windowEnd(element.timestamp());
    WindowState state = effects.state(key, end);
    state.sum += element.value();
    state.count++;
    set(effects, key, end, "main", end, end - 1);
    if (stage.salt() % 2 == 0) {
      set(effects, key, end, "count", end + state.count, end - 1);
    }
    if (stage.salt() % 3 == 0) {
      set(effects, key, end, "poison", end + 3, end - 1);
    }
    if (stage.salt() % 5 < 2 && !state.seenProcessingTime) {
      effects.update(
          new TimerUpdate.Set(
              timer(key, end, "clock"),
              Element.keyGroup(key),
              TimeDomain.PROCESSING_TIME,
              now + element.value() % 40,
              end - 1));
    }
  }

  /** Fires a timer that {@link #addToWindow} or an earlier firing has set. */
  static void fire(SimStage stage, FiredTimer fired, Effects effects) {
    int key = keyOf(fired);
    long window = ByteBuffer.wrap(fired.timer().window().bytes()).getLong();
    WindowState state = effects.state(key, window);
    long at = fired.fireAt();
    String tag = fired.timer().tag();
    switch (tag) {
      case "main" -> {
        emitAll(stage, effects, mix(state.sum, state.count + 1000L * state.loops), fired.hold());
        clear(effects, key, window, "poison");
        set(effects, key, window, "between", at + 2, at + 1);
        if (state.loops < stage.salt() % 4) {
          state.loops++;
          set(effects, key, window, "main", at + WINDOW, at + WINDOW - 1);
        }
      }
      case "between" -> {
        if (state.sum % 2 == 0) {
          emitAll(stage, effects, mix(state.sum, at), fired.hold());
        }
      }
      case "count" -> emitAll(stage, effects, mix(state.count, at), fired.hold());
      case "clock" -> {
        if (!state.seenProcessingTime) {
          state.seenProcessingTime = true;
          emitAll(stage, effects, mix(key, window), fired.hold());
        }
      }
      default -> effects.emit(0, POISON, fired.hold());
    }
  }
}
