package org.trestle.engine.execute;

import java.util.List;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.shuffle.EdgeFormat;

/**
 * The end of a stateful stage's windows: until when elements are taken, which timers the runner
 * sets for each key and window that had elements, and when their state goes. Safe for use by
 * several threads.
 *
 * <p>A window expires at its last moment plus the allowed lateness; never after the last moment of
 * the global window. When the watermark is past that, its elements are late, then the callbacks of
 * the window's expiry run, then its state goes: one millisecond later, so that the callbacks and
 * the user's own timers have been committed.
 *
 * @param format of the stage's input, with keys
 * @param allowedLateness in milliseconds
 * @param callbacks names of the timer families that the runner sets
 * @param clearsState whether state goes before the job's end, as it does if the input has no end
 */
record WindowExpiry(
    EdgeFormat format,
    long allowedLateness,
    List<String> callbacks,
    boolean clearsState,
    int keyGroups) {

  /**
   * Names the runner's own timers; those of harnesses have a transform in their name. Sorts after
   * them: of one key and time, this timer is the last.
   */
  private static final String CLEANUP = "\uffff";

  WindowExpiry {
    callbacks = List.copyOf(callbacks);
  }

  /** When a window with this last moment expires. */
  long expiry(long maxTimestamp) {
    return maxTimestamp >= EventTime.GLOBAL_WINDOW_MAX - allowedLateness
        ? EventTime.GLOBAL_WINDOW_MAX
        : maxTimestamp + allowedLateness;
  }

  private long expiry(ByteKey window) {
    return expiry(format.window().maxTimestamp(window.bytes(), 0, window.length()));
  }

  /** Whether elements of a window with this last moment are late. */
  boolean isLate(long maxTimestamp, long inputWatermark) {
    return expiry(maxTimestamp) < inputWatermark;
  }

  /** Adds the timers of a key and window that got an element; to set them again changes nothing. */
  void setTimers(ByteKey key, int keyGroup, ByteKey window, List<TimerUpdate> into) {
    long end = format.window().maxTimestamp(window.bytes(), 0, window.length());
    long expiry = expiry(end);
    for (String family : callbacks) {
      TimerKey timer = new TimerKey(family, key, window, "");
      into.add(new TimerUpdate.Set(timer, keyGroup, TimeDomain.EVENT_TIME, expiry, end));
    }
    if (clearsState && expiry < EventTime.GLOBAL_WINDOW_MAX) {
      TimerKey timer = new TimerKey(CLEANUP, key, window, "");
      // It writes nothing, so it holds nothing.
      into.add(
          new TimerUpdate.Set(timer, keyGroup, TimeDomain.EVENT_TIME, expiry + 1, EventTime.MAX));
    }
  }

  /** Whether the timer says that the state of its key and window goes. */
  static boolean isCleanup(FiredTimer timer) {
    return timer.timer().family().equals(CLEANUP);
  }

  /**
   * Whether a timer comes too late for its window. One of event time never does, as it was set for
   * a time before the expiry.
   */
  boolean isTooLate(FiredTimer timer, long inputWatermark) {
    if (timer.domain() == TimeDomain.EVENT_TIME || !clearsState) {
      return false;
    }
    long expiry = expiry(timer.timer().window());
    return expiry < EventTime.GLOBAL_WINDOW_MAX && expiry < inputWatermark;
  }

  /**
   * A timer that would come after its window's state has gone is not set. One at the window's end,
   * a millisecond after its last moment, still comes before.
   */
  TimerUpdate restrict(TimerUpdate update) {
    if (clearsState
        && update instanceof TimerUpdate.Set set
        && set.domain() == TimeDomain.EVENT_TIME) {
      long expiry = expiry(set.timer().window());
      if (expiry < EventTime.GLOBAL_WINDOW_MAX && set.fireAt() > expiry + 1) {
        return new TimerUpdate.Clear(set.timer(), set.keyGroup());
      }
    }
    return update;
  }
}
