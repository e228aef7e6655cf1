package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.timer.TimerQueue;

/**
 * A stage that sees the elements and timers of a key one after the other: a key group is leased to
 * a bundle till that has committed, through all its attempts.
 */
final class KeyedStage extends StageState {
  private static final Comparator<FiredTimer> FIRING_ORDER =
      Comparator.comparing(FiredTimer::domain).thenComparingLong(FiredTimer::fireAt);

  private static final class Group {
    private final PendingBlocks pending = new PendingBlocks();
    private long elementsIn;
    private long bytesIn;
    private boolean leased;

    /**
     * The input watermark when the pending elements came, if they may go before event-time timers
     * that have become due since; else {@link Long#MAX_VALUE}.
     */
    private long cameAt = Long.MAX_VALUE;
  }

  /** A bundle is nearly full when this part of its room is left. */
  private static final int NEARLY_FULL_REST = 8;

  private final BundleSizer sizer;
  private final @Nullable Group[] groups;
  private final TimerQueue timers;

  /** Key groups that have pending elements and are not leased. */
  private final BitSet ready = new BitSet();

  private long pendingElements;
  private long pendingBytes;
  private int leases;

  /** Key groups that had input and still want their closing bundle. */
  private final BitSet unclosed = new BitSet();

  private long unclosedElements;
  private long unclosedBytes;

  private int cursor;
  private boolean drewTimers;

  KeyedStage(int index, StageSpec spec, Pool pool, SchedulingPolicy policy, int keyGroups) {
    super(index, spec, pool, policy);
    this.sizer = spec.closes() ? new BundleSizer(policy) : BundleSizer.ofStateful(policy);
    this.groups = new @Nullable Group[keyGroups];
    this.timers = new TimerQueue(keyGroups, holds().output());
  }

  private Group group(int keyGroup) {
    Group group = groups[keyGroup];
    if (group == null) {
      group = new Group();
      groups[keyGroup] = group;
    }
    return group;
  }

  @Override
  void deliver(EdgeOutput output) {
    for (KeyGroupBlock block : output.keyed()) {
      add(PendingItem.of(block.block()), block.keyGroup());
    }
  }

  @Override
  void addReturned(PendingItem item, int keyGroup) {
    Group group = group(keyGroup);
    if (group.pending.isEmpty() && !group.leased) {
      group.cameAt = inputWatermark();
    } else if (timers.isEventTimerDue(keyGroup, inputWatermark())) {
      group.cameAt = Long.MAX_VALUE;
    }
    group.pending.add(item);
    pendingElements += item.block().count();
    pendingBytes += item.block().bytes();
    if (!group.leased) {
      ready.set(keyGroup);
    }
    if (spec().closes()) {
      unclosed.set(keyGroup);
      group.elementsIn += item.block().count();
      group.bytesIn += item.block().bytes();
      unclosedElements += item.block().count();
      unclosedBytes += item.block().bytes();
    }
  }

  @Override
  boolean hasFreshWork(long now) {
    return !ready.isEmpty() || nextClosing(0) >= 0 || nextDueGroup(0, now) >= 0;
  }

  @Override
  boolean isFreshWorkWorthwhile(long now) {
    return sizer.isWorthwhile(pendingElements, pendingBytes) || nextDueGroup(0, now) >= 0;
  }

  private int nextDueGroup(int from, long now) {
    long clock = clock(now);
    for (int next = timers.nextGroup(from); next >= 0; next = timers.nextGroup(next + 1)) {
      if (!group(next).leased && timers.isDue(next, timerWatermark(next), clock)) {
        return next;
      }
    }
    return -1;
  }

  /**
   * The input watermark as the event-time timers of a key group see it: what has become due by the
   * commit that also brought elements comes after these.
   */
  private long timerWatermark(int keyGroup) {
    Group group = group(keyGroup);
    return group.pending.isEmpty() ? inputWatermark() : Math.min(inputWatermark(), group.cameAt);
  }

  /** Processing time as the timers see it: at the end of a drained input no timer waits for it. */
  private long clock(long now) {
    return isAtEndOfDrain() ? Long.MAX_VALUE : now;
  }

  private boolean isAtEndOfDrain() {
    return isDraining() && inputWatermark() == EventTime.MAX;
  }

  @Override
  BundleDraft drawFresh(long now) {
    int due = nextDueGroup(0, now);
    int next = nextReadyGroup();
    // In turns, if there are both: the watermark says that these timers may go before the elements.
    drewTimers = due >= 0 && (next < 0 || !drewTimers);
    if (drewTimers) {
      return drawTimers(due, now);
    }
    return nextClosing(0) >= 0 ? drawClosing() : drawElements();
  }

  /**
   * The next key group that can be closed, with what is left of its elements; -1 if there is none.
   */
  private int nextClosing(int from) {
    if (openInputs() > 0 || timers.size() > 0) {
      return -1;
    }
    int next = unclosed.nextSetBit(from);
    while (next >= 0 && group(next).leased) {
      next = unclosed.nextSetBit(next + 1);
    }
    return next;
  }

  /**
   * The next key group whose elements may go. It goes round, so that none waits for ever behind
   * busier ones. Event-time timers that are due come before elements of their key group: no element
   * that is on time is before them. But elements that came when none was due go first, as far as
   * one bundle takes them.
   */
  private int nextReadyGroup() {
    for (int next = ready.nextSetBit(cursor); next >= 0; next = ready.nextSetBit(next + 1)) {
      if (!timers.isEventTimerDue(next, timerWatermark(next))) {
        return next;
      }
    }
    for (int next = ready.nextSetBit(0); next >= 0; next = ready.nextSetBit(next + 1)) {
      if (!timers.isEventTimerDue(next, timerWatermark(next))) {
        return next;
      }
    }
    return -1;
  }

  private BundleDraft drawElements() {
    long most = sizer.elements(pendingElements, pendingBytes, pool().slots());
    Room room = new Room(most, sizer.maxBytes());
    List<Integer> leased = new ArrayList<>();
    for (int next = nextReadyGroup(); next >= 0 && room.isLeft(); next = nextReadyGroup()) {
      PendingBlocks pending = group(next).pending;
      boolean nearlyFull = !leased.isEmpty() && room.elements <= most / NEARLY_FULL_REST;
      if (nearlyFull && pending.elements() > room.elements) {
        // What it would leave of the key group could not start till it has ended.
        break;
      }
      room.fill(pending);
      lease(next);
      leased.add(next);
      cursor = next + 1;
    }
    Collections.sort(leased);
    return BundleDraft.ofElements(leased, room.items);
  }

  /** The elements of a bundle, and for how many more there is room. */
  private final class Room {
    private final List<PendingItem> items = new ArrayList<>();
    private long elements;
    private long bytes;

    Room(long elements, long bytes) {
      this.elements = elements;
      this.bytes = bytes;
    }

    boolean isLeft() {
      return elements > 0 && bytes > 0;
    }

    boolean takesAllOf(PendingBlocks pending) {
      return pending.elements() <= elements && pending.bytes() <= bytes;
    }

    /** Takes of a key group what there is room for. */
    void fill(PendingBlocks pending) {
      long elementsBefore = pending.elements();
      long bytesBefore = pending.bytes();
      pending.take(elements, bytes, holds(), items);
      long taken = elementsBefore - pending.elements();
      long takenBytes = bytesBefore - pending.bytes();
      pendingElements -= taken;
      pendingBytes -= takenBytes;
      elements -= taken;
      bytes -= takenBytes;
    }
  }

  private BundleDraft drawTimers(int firstDue, long now) {
    long room = sizer.timers(timers.size(), pool().slots());
    List<Integer> leased = new ArrayList<>();
    List<FiredTimer> fired = new ArrayList<>();
    for (int next = firstDue;
        next >= 0 && fired.size() < room;
        next = nextDueGroup(next + 1, now)) {
      timers.take(next, timerWatermark(next), clock(now), room - fired.size(), fired);
      lease(next);
      leased.add(next);
    }
    fired.sort(FIRING_ORDER);
    return BundleDraft.ofTimers(leased, fired);
  }

  /**
   * Closes key groups, each in one bundle with what is left of its elements, so that the first
   * groups are there before all elements of others have been added. Of a key group that has too
   * many for one bundle, it takes some and leaves the closing to a later one.
   */
  private BundleDraft drawClosing() {
    int count =
        sizer.closingGroups(
            unclosed.cardinality(), unclosedElements, unclosedBytes, pool().slots());
    List<Integer> leased = new ArrayList<>();
    Room room = new Room(sizer.maxElements(), sizer.maxBytes());
    for (int next = nextClosing(0);
        next >= 0 && leased.size() < count;
        next = nextClosing(next + 1)) {
      Group group = group(next);
      boolean whole = room.takesAllOf(group.pending);
      if (!whole && !leased.isEmpty()) {
        break;
      }
      room.fill(group.pending);
      lease(next);
      leased.add(next);
      if (!whole) {
        return BundleDraft.ofElements(leased, room.items);
      }
      unclosed.clear(next);
      unclosedElements -= group.elementsIn;
      unclosedBytes -= group.bytesIn;
    }
    return BundleDraft.ofClosing(leased, room.items);
  }

  private void lease(int keyGroup) {
    Group group = group(keyGroup);
    if (group.leased) {
      throw new IllegalStateException("key group " + keyGroup + " is leased twice");
    }
    group.leased = true;
    leases++;
    ready.clear(keyGroup);
  }

  @Override
  void took(BundleDraft draft, long millis) {}

  @Override
  void release(BundleDraft draft) {
    for (int keyGroup : draft.keyGroups()) {
      Group group = group(keyGroup);
      group.leased = false;
      group.cameAt = Long.MAX_VALUE;
      leases--;
      ready.set(keyGroup, !group.pending.isEmpty());
    }
  }

  @Override
  void applyTimers(List<TimerUpdate> updates) {
    boolean last = isAtEndOfDrain();
    for (int i = 0; i < updates.size(); i++) {
      TimerUpdate update = updates.get(i);
      if (last
          && update instanceof TimerUpdate.Set set
          && set.domain() == TimeDomain.PROCESSING_TIME) {
        // Timers that set themselves again would keep a drained job for ever.
        timers.apply(new TimerUpdate.Clear(set.timer(), set.keyGroup()));
      } else {
        timers.apply(update);
      }
    }
  }

  @Override
  @Nullable String refuse(List<TimerUpdate> updates, BundleDraft draft) {
    for (int i = 0; i < updates.size(); i++) {
      int keyGroup = updates.get(i).keyGroup();
      if (Collections.binarySearch(draft.keyGroups(), keyGroup) < 0) {
        return "a timer of family "
            + updates.get(i).timer().family()
            + " was set for a key of key group "
            + keyGroup
            + ", which is not in the bundle";
      }
    }
    return null;
  }

  @Override
  boolean hasUnfinishedKeys() {
    return timers.size() > 0 || leases > 0 || !unclosed.isEmpty();
  }

  @Override
  long nextTimerAt() {
    long earliest = Long.MAX_VALUE;
    for (int next = timers.nextGroup(0); next >= 0; next = timers.nextGroup(next + 1)) {
      if (!group(next).leased) {
        earliest = Math.min(earliest, timers.nextProcessingTime(next));
      }
    }
    return earliest;
  }

  @Override
  int timerCount() {
    return timers.size();
  }

  @Override
  long nextEventTimer() {
    return timers.nextEventTime();
  }
}
