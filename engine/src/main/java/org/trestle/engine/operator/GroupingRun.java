package org.trestle.engine.operator;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.trigger.TriggerMachine;
import org.trestle.engine.core.trigger.TriggerState;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowedValueCursor;

/** One bundle of a {@link TriggeredGrouping}. */
final class GroupingRun {
  private static final String EVENT_TAG = "event";
  private static final String PROCESSING_TAG = "processing";

  private final TriggeredGrouping grouping;
  private final Triggering triggering;
  private final TriggerMachine machine;
  private final BundleWork work;
  private final PaneOutput output;
  private final BooleanSupplier givenUp;
  private final long now;
  private final PaneRules rules;
  private final List<WindowState> used = new ArrayList<>();
  private long droppedLate;
  private long droppedClosed;

  GroupingRun(
      TriggeredGrouping grouping, BundleWork work, PaneOutput output, BooleanSupplier givenUp) {
    this.grouping = grouping;
    this.triggering = grouping.triggering();
    this.machine = grouping.machine();
    this.work = work;
    this.output = output;
    this.givenUp = givenUp;
    this.now = work.processingTime();
    this.rules = new PaneRules(triggering, machine, work.inputWatermark());
  }

  GroupedBundle run() {
    WindowMerger merger = triggering.merger();
    if (merger == null) {
      addElements(null);
    } else {
      WindowMerges merges = new WindowMerges(this, grouping);
      for (ElementBlock block : work.elements()) {
        merges.collect((EncodedBlock) block, keyGroup(block));
      }
      merges.merge(merger);
      addElements(merges);
    }
    for (int i = 0; i < used.size(); i++) {
      fireIfReady(used.get(i));
    }
    work.timers().forEach(this::onTimer);
    List<TimerUpdate> timers = settle();
    return new GroupedBundle(
        new BundleResult(work.id(), output.finish(), timers, List.of()),
        droppedLate,
        droppedClosed);
  }

  PaneRules rules() {
    return rules;
  }

  private KeyGroupState keyGroup(ElementBlock block) {
    return grouping.keyGroup(((EncodedBlock) block).keyGroup());
  }

  private void check() {
    if (givenUp.getAsBoolean()) {
      throw new CancellationException("the job gave the bundle up");
    }
  }

  // ---- elements ----

  private void addElements(@Nullable WindowMerges merges) {
    for (ElementBlock block : work.elements()) {
      check();
      KeyGroupState keyGroup = keyGroup(block);
      WindowedValueCursor cursor = ((EncodedBlock) block).read(grouping.input());
      while (cursor.next()) {
        if (merges == null) {
          addElement(cursor, keyGroup);
        } else {
          addMerged(cursor, keyGroup, merges);
        }
      }
    }
  }

  private void addElement(WindowedValueCursor cursor, KeyGroupState keyGroup) {
    byte[] buffer = cursor.buffer();
    for (int i = 0; i < cursor.windowCount(); i++) {
      long end = windowEnd(cursor.windowMaxTimestamp(i));
      if (rules.isTooLate(end)) {
        droppedLate++;
        continue;
      }
      int from = cursor.windowStart(i);
      int to = cursor.windowEnd(i);
      int hash = WindowTable.hash(buffer, cursor.keyStart(), cursor.keyEnd(), buffer, from, to);
      WindowState state =
          keyGroup.table().find(hash, buffer, cursor.keyStart(), cursor.keyEnd(), buffer, from, to);
      if (state == null) {
        ByteKey key = ByteKey.copyOf(buffer, cursor.keyStart(), cursor.keyEnd());
        state = newState(keyGroup, key, ByteKey.copyOf(buffer, from, to), hash, end);
      }
      add(state, cursor);
    }
  }

  /** Adds an element to the windows that its windows have become; to each once. */
  private void addMerged(WindowedValueCursor cursor, KeyGroupState keyGroup, WindowMerges merges) {
    byte[] buffer = cursor.buffer();
    ByteKey key = merges.key(cursor);
    WindowState first = null;
    List<WindowState> others = null;
    for (int i = 0; i < cursor.windowCount(); i++) {
      if (rules.isTooLate(windowEnd(cursor.windowMaxTimestamp(i)))) {
        droppedLate++;
        continue;
      }
      ByteKey window = ByteKey.copyOf(buffer, cursor.windowStart(i), cursor.windowEnd(i));
      WindowState state = stateOf(keyGroup, key, merges.becomes(keyGroup, key, window));
      if (first == null) {
        first = state;
      } else if (state != first && (others == null || !others.contains(state))) {
        others = others == null ? new ArrayList<>() : others;
        others.add(state);
      } else {
        continue;
      }
      add(state, cursor);
    }
  }

  private void add(WindowState state, WindowedValueCursor cursor) {
    TriggerState trigger = state.trigger;
    if (trigger == null) {
      droppedClosed++;
      return;
    }
    if (triggering.firingsReplace() && !admitFiring(state, cursor)) {
      return;
    }
    use(state);
    state.values.add(cursor.buffer(), cursor.keyEnd(), cursor.valueEnd());
    state.dirty = true;
    rules.hold(state, cursor.timestamp());
    machine.onElement(trigger, now);
    if (machine.countsElements()) {
      fireIfReady(state);
    }
  }

  /** Makes room for an element of a firing; false if those of a later firing have come before. */
  private static boolean admitFiring(WindowState state, WindowedValueCursor cursor) {
    if (Panes.timing(cursor.paneHead()) == Panes.Timing.UNKNOWN) {
      return true;
    }
    long firing = cursor.paneIndex();
    if (state.newestFiring >= 0 && firing > state.newestFiring) {
      state.values.clear();
    }
    state.newestFiring = Math.max(firing, state.newestFiring);
    return firing == state.newestFiring;
  }

  /** The state of a key and window, new if need be. */
  WindowState stateOf(KeyGroupState keyGroup, ByteKey key, ByteKey window) {
    WindowState state = find(keyGroup, key, window);
    if (state != null) {
      return state;
    }
    int hash = WindowTable.hash(key.bytes(), 0, key.length(), window.bytes(), 0, window.length());
    long end =
        windowEnd(grouping.input().window().maxTimestamp(window.bytes(), 0, window.length()));
    return newState(keyGroup, key, window, hash, end);
  }

  static @Nullable WindowState find(KeyGroupState keyGroup, ByteKey key, ByteKey window) {
    byte[] keyBytes = key.bytes();
    byte[] windowBytes = window.bytes();
    int hash = WindowTable.hash(keyBytes, 0, keyBytes.length, windowBytes, 0, windowBytes.length);
    return keyGroup
        .table()
        .find(hash, keyBytes, 0, keyBytes.length, windowBytes, 0, windowBytes.length);
  }

  /** No time after the end of time can be reached. */
  private static long windowEnd(long maxTimestamp) {
    return Math.min(maxTimestamp, EventTime.MAX);
  }

  private WindowState newState(
      KeyGroupState keyGroup, ByteKey key, ByteKey window, int hash, long end) {
    WindowState state =
        new WindowState(
            key,
            window,
            keyGroup.index(),
            hash,
            end,
            triggering.expiry(end),
            grouping.store().newBuffer());
    open(state, keyGroup, machine.newState());
    keyGroup.table().add(state);
    grouping.store().charge(state.memory());
    use(state);
    return state;
  }

  /** Gives a new state, or one whose trigger was finished, a trigger that is not. */
  void open(WindowState state, KeyGroupState keyGroup, TriggerState trigger) {
    state.trigger = trigger;
    grouping.store().charge(trigger.memory());
    if (triggering.merger() != null) {
      keyGroup
          .openWindows()
          .computeIfAbsent(state.key, any -> new TreeMap<>())
          .put(state.window, state);
    }
  }

  /** Remembers to look at the state at the end of the bundle. */
  void use(WindowState state) {
    if (state.user != this) {
      state.user = this;
      used.add(state);
    }
  }

  // ---- panes ----

  private void onTimer(FiredTimer timer) {
    KeyGroupState keyGroup = grouping.keyGroup(timer.keyGroup());
    WindowState state = find(keyGroup, timer.timer().key(), timer.timer().window());
    if (state == null) {
      return;
    }
    use(state);
    if (timer.domain() == TimeDomain.EVENT_TIME) {
      state.eventTimer = WindowState.NO_TIME;
    } else {
      state.processingTimer = WindowState.NO_TIME;
    }
    if (rules.isPast(state.expiry)) {
      if (state.isOpen()) {
        giveOut(state, true);
        close(state);
      }
      remove(state);
    } else {
      fireIfReady(state);
    }
  }

  private void fireIfReady(WindowState state) {
    TriggerState trigger = state.trigger;
    if (trigger == null) {
      return;
    }
    boolean past = rules.isPast(state.end);
    // A merge may have finished the trigger; what the window has is given out then.
    if (!machine.isClosed(trigger)) {
      if (!machine.shouldFire(trigger, past, now)) {
        return;
      }
      machine.onFire(trigger, past, now);
    }
    boolean last = machine.isClosed(trigger);
    giveOut(state, last);
    if (last) {
      close(state);
    }
  }

  private void giveOut(WindowState state, boolean last) {
    Panes.Pane pane = rules.nextPane(state, last);
    if (rules.isWanted(state, pane)) {
      check();
      output.emit(state.key, state.window, PaneRules.timestamp(state), pane, state.values);
      state.panes++;
      if (pane.timing() != Panes.Timing.EARLY) {
        state.panesNotEarly++;
      }
    }
    state.paneIsOut();
    if (last || triggering.accumulation() == Accumulation.DISCARDING) {
      state.values.clear();
    }
  }

  /** Forgets all but that the trigger of the window is finished. */
  void close(WindowState state) {
    TriggerState trigger = state.trigger;
    if (trigger == null) {
      return;
    }
    grouping.store().charge(-trigger.memory());
    state.trigger = null;
    state.values.clear();
    state.paneIsOut();
    if (triggering.merger() != null) {
      KeyGroupState keyGroup = grouping.keyGroup(state.keyGroup);
      keyGroup
          .openWindows()
          .computeIfPresent(
              state.key,
              (key, windows) -> {
                windows.remove(state.window);
                return windows.isEmpty() ? null : windows;
              });
    }
  }

  /** Forgets a window whose trigger is finished. */
  void remove(WindowState state) {
    grouping.keyGroup(state.keyGroup).table().remove(state);
    grouping.store().charge(-state.memory());
    state.removed = true;
  }

  // ---- timers ----

  /** Brings the timers of all windows that were used to where they must be. */
  private List<TimerUpdate> settle() {
    List<TimerUpdate> updates = new ArrayList<>(used.size());
    for (WindowState state : used) {
      state.user = null;
      if (!state.removed) {
        state.values.spillIfExceeded();
      }
      settleEventTimer(state, updates);
      settleProcessingTimer(state, updates);
    }
    return updates;
  }

  private void settleEventTimer(WindowState state, List<TimerUpdate> updates) {
    long next = state.removed ? WindowState.NO_TIME : rules.nextEventTime(state);
    long hold = state.removed ? EventTime.MAX : rules.hold(state);
    if (next == WindowState.NO_TIME) {
      if (state.eventTimer != WindowState.NO_TIME) {
        updates.add(new TimerUpdate.Clear(timer(state, EVENT_TAG), state.keyGroup));
      }
    } else if (next != state.eventTimer || hold != state.held) {
      updates.add(
          new TimerUpdate.Set(
              timer(state, EVENT_TAG), state.keyGroup, TimeDomain.EVENT_TIME, next, hold));
    }
    state.eventTimer = next;
    state.held = hold;
    state.heldBySource = false;
  }

  private void settleProcessingTimer(WindowState state, List<TimerUpdate> updates) {
    TriggerState trigger = state.trigger;
    long next = trigger == null ? WindowState.NO_TIME : machine.nextProcessingTime(trigger, now);
    if (next == state.processingTimer) {
      return;
    }
    TimerKey key = timer(state, PROCESSING_TAG);
    updates.add(
        next == WindowState.NO_TIME
            ? new TimerUpdate.Clear(key, state.keyGroup)
            : new TimerUpdate.Set(
                key, state.keyGroup, TimeDomain.PROCESSING_TIME, next, EventTime.MAX));
    state.processingTimer = next;
  }

  private TimerKey timer(WindowState state, String tag) {
    return new TimerKey(grouping.timerFamily(), state.key, state.window, tag);
  }
}
