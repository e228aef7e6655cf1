package org.trestle.engine.operator;

import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.trigger.TriggerState;
import org.trestle.engine.shuffle.ValueBuffer;

/**
 * What is known of a key and window between its first element and its expiry. Plain data of the
 * bundle that has the key group.
 */
final class WindowState {
  /** No time: no hold, or a timer that is not set. */
  static final long NO_TIME = Long.MAX_VALUE;

  /** What the object and its place in tables cost, about. */
  private static final int OVERHEAD = 240;

  /** A hold for elements that came too late to hold at a time of their own. */
  enum LateHold {
    NONE,
    END_OF_WINDOW,
    EXPIRY
  }

  final ByteKey key;
  final ByteKey window;
  final int keyGroup;
  final int hash;

  /** The window's last moment. */
  final long end;

  /** After this nothing is known of the window any more. */
  final long expiry;

  final ValueBuffer values;

  /** State of the trigger; null if it is finished, and nothing but that is remembered. */
  @Nullable TriggerState trigger;

  /** Whether something has come since the last pane. */
  boolean dirty;

  /**
   * The combined output timestamp of the elements since the last pane that came in time for one.
   */
  long elementHold = NO_TIME;

  LateHold lateHold = LateHold.NONE;

  /** The latest firing that elements came out of; -1 if there was none. */
  long newestFiring = -1;

  /** How many panes were given out. */
  long panes;

  /** How many of them were not early. */
  long panesNotEarly;

  /** The timers that are set, and what the first one holds. */
  long eventTimer = NO_TIME;

  long held = EventTime.MAX;

  /** Whether a window merged into this one has held the output watermark at or before the end. */
  boolean heldBySource;

  long processingTimer = NO_TIME;

  /** Whether it is in no table any more. */
  boolean removed;

  /** The last bundle that used it. */
  @Nullable Object user;

  WindowState(
      ByteKey key,
      ByteKey window,
      int keyGroup,
      int hash,
      long end,
      long expiry,
      ValueBuffer values) {
    this.key = key;
    this.window = window;
    this.keyGroup = keyGroup;
    this.hash = hash;
    this.end = end;
    this.expiry = expiry;
    this.values = values;
  }

  /** Bytes of memory held without values and trigger. */
  long memory() {
    return OVERHEAD + (long) key.length() + window.length();
  }

  boolean isOpen() {
    return trigger != null;
  }

  /** Forgets the hold and the elements of the pane that was given out. */
  void paneIsOut() {
    dirty = false;
    elementHold = NO_TIME;
    lateHold = LateHold.NONE;
  }
}
