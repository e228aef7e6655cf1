package org.trestle.engine.core.timer;

import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.watermark.HoldMultiset;

/**
 * The timers of one stage that are set and have not been taken for firing.
 *
 * <p>A key's timers are taken in the order of their times, and only those of its earliest time at
 * once: what fires may set timers that come before the key's other ones. Different keys do not wait
 * for each other.
 *
 * <p>Each timer holds its output timestamp in the stage's multiset from the moment it is set. A
 * timer that is taken keeps its hold, which whoever took it removes when the firing has committed.
 */
public final class TimerQueue {
  private final HoldMultiset holds;
  private final @Nullable GroupTimers[] groups;
  private final BitSet occupied = new BitSet();
  private int size;

  /**
   * An empty queue.
   *
   * @param holds where timers hold the output watermark
   */
  public TimerQueue(int keyGroups, HoldMultiset holds) {
    this.holds = holds;
    this.groups = new @Nullable GroupTimers[keyGroups];
  }

  /**
   * The output timestamp as it is held: inside the bounds of event time, and before the end of
   * time, which a watermark reaches only when nothing is left.
   */
  public static long heldAt(long timestamp) {
    return Math.max(EventTime.MIN, Math.min(timestamp, EventTime.MAX - 1));
  }

  /**
   * Sets or clears a timer. An event-time timer after {@link EventTime#MAX} can never fire: setting
   * it is clearing it.
   */
  public void apply(TimerUpdate update) {
    GroupTimers group = groups[update.keyGroup()];
    if (group == null) {
      group = new GroupTimers();
      groups[update.keyGroup()] = group;
    }
    if (update instanceof TimerUpdate.ClearWindow) {
      TimerKey any = update.timer();
      for (FiredTimer gone : group.removeAll(any.key(), any.window())) {
        size--;
        holds.remove(heldAt(gone.hold()));
      }
      occupied.set(update.keyGroup(), !group.isEmpty());
      return;
    }
    FiredTimer old = group.remove(update.timer());
    if (old != null) {
      size--;
      holds.remove(heldAt(old.hold()));
    }
    if (update instanceof TimerUpdate.Set set && canFire(set)) {
      group.add(
          new FiredTimer(set.timer(), set.keyGroup(), set.domain(), set.fireAt(), set.hold()));
      size++;
      holds.add(heldAt(set.hold()));
    }
    occupied.set(update.keyGroup(), !group.isEmpty());
  }

  private static boolean canFire(TimerUpdate.Set set) {
    return set.domain() != TimeDomain.EVENT_TIME || set.fireAt() <= EventTime.MAX;
  }

  /**
   * Whether the key group has a timer whose time has come. An event-time timer is due when the
   * watermark is past its time, as elements of that very time may come before; or when the
   * watermark is at the end of time.
   */
  public boolean isDue(int keyGroup, long watermark, long now) {
    GroupTimers group = groups[keyGroup];
    return group != null
        && (group.nextTime(TimeDomain.EVENT_TIME) <= lastDue(watermark)
            || group.nextTime(TimeDomain.PROCESSING_TIME) <= now);
  }

  /** Whether the key group has an event-time timer whose time has come. */
  public boolean isEventTimerDue(int keyGroup, long watermark) {
    GroupTimers group = groups[keyGroup];
    return group != null && group.nextTime(TimeDomain.EVENT_TIME) <= lastDue(watermark);
  }

  /** The latest time of event-time timers that are due. */
  private static long lastDue(long watermark) {
    return watermark >= EventTime.MAX ? EventTime.MAX : watermark - 1;
  }

  /**
   * The next processing time at which a timer of the key group is due; {@link Long#MAX_VALUE} if
   * there is none.
   */
  public long nextProcessingTime(int keyGroup) {
    GroupTimers group = groups[keyGroup];
    return group == null ? Long.MAX_VALUE : group.nextTime(TimeDomain.PROCESSING_TIME);
  }

  /** The earliest event time a timer waits for; {@link Long#MAX_VALUE} if there is none. */
  public long nextEventTime() {
    long next = Long.MAX_VALUE;
    for (int group = occupied.nextSetBit(0); group >= 0; group = occupied.nextSetBit(group + 1)) {
      GroupTimers timers = groups[group];
      if (timers != null) {
        next = Math.min(next, timers.nextTime(TimeDomain.EVENT_TIME));
      }
    }
    return next;
  }

  /**
   * Takes timers of a key group that are due: of each key those of its earliest time. Event-time
   * timers go before processing-time timers, which are taken only if no event-time timer is due.
   *
   * @param max about how many: the timers of one key are not divided
   * @param into gets the timers, in firing order
   */
  public void take(int keyGroup, long watermark, long now, long max, List<FiredTimer> into) {
    GroupTimers group = groups[keyGroup];
    if (group == null) {
      return;
    }
    int before = into.size();
    if (group.nextTime(TimeDomain.EVENT_TIME) <= lastDue(watermark)) {
      group.take(TimeDomain.EVENT_TIME, lastDue(watermark), max, into);
    } else {
      group.take(TimeDomain.PROCESSING_TIME, now, max, into);
    }
    size -= into.size() - before;
    occupied.set(keyGroup, !group.isEmpty());
  }

  /** The first key group at or after this one that has timers; -1 if there is none. */
  public int nextGroup(int from) {
    return occupied.nextSetBit(from);
  }

  /** How many timers are set. */
  public int size() {
    return size;
  }
}
