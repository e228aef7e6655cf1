package org.trestle.fn.wire;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * Walks over encoded timers that follow each other in a byte array, as {@link WindowedValueCursor}
 * does over elements.
 *
 * <p>A timer is: key, dynamic tag (length-prefixed UTF-8), windows (a count and the windows), one
 * byte that is 1 if the timer is to be cleared; if it is not, the timestamp to fire at, the
 * timestamp to hold the output watermark at, and a pane. For use by one thread.
 */
public final class TimerCursor {
  private final WireCoder key;
  private final WindowList windows;

  private byte[] buffer = new byte[0];
  private int limit;
  private int timerStart;
  private int keyEnd;
  private int tagStart;
  private int tagEnd;
  private int windowsEnd;
  private boolean clear;
  private long fireTimestamp;
  private long holdTimestamp;
  private int paneStart;
  private int timerEnd;

  /** Makes a cursor over timers with these coders of keys and windows. */
  public TimerCursor(WireCoder key, WindowCoder window) {
    this.key = key;
    this.windows = new WindowList(window);
  }

  /** Goes before the first timer of {@code bytes}. */
  @CanIgnoreReturnValue
  public TimerCursor reset(byte[] bytes) {
    return reset(bytes, 0, bytes.length);
  }

  /**
   * Goes before the first timer of {@code bytes[from, to)}.
   *
   * @throws IndexOutOfBoundsException if that is not a range of the array
   */
  @CanIgnoreReturnValue
  public TimerCursor reset(byte[] bytes, int from, int to) {
    Objects.checkFromToIndex(from, to, bytes.length);
    buffer = bytes;
    limit = to;
    timerStart = from;
    timerEnd = from;
    return this;
  }

  /**
   * Goes to the next timer.
   *
   * @return false if there is none
   * @throws WireFormatException if it is malformed or cut off; the cursor cannot go on
   */
  public boolean next() {
    int start = timerEnd;
    if (start == limit) {
      return false;
    }
    timerStart = start;
    keyEnd = key.skip(buffer, start, limit);
    tagStart = VarInts.skip(buffer, keyEnd, limit);
    tagEnd = Encodings.LENGTH_PREFIXED.skip(buffer, keyEnd, limit);
    windowsEnd = windows.read(buffer, tagEnd, limit);
    int next = Encodings.BOOL.skip(buffer, windowsEnd, limit);
    clear = buffer[windowsEnd] == 1;
    if (clear) {
      fireTimestamp = 0;
      holdTimestamp = 0;
      paneStart = next;
      timerEnd = next;
    } else {
      fireTimestamp = Timestamps.decode(buffer, next, limit);
      holdTimestamp = Timestamps.decode(buffer, next + Timestamps.LENGTH, limit);
      paneStart = next + 2 * Timestamps.LENGTH;
      timerEnd = Panes.skip(buffer, paneStart, limit);
    }
    return true;
  }

  /** The array walked over. */
  public byte[] buffer() {
    return buffer;
  }

  /** Where the timer starts: with its key. */
  public int timerStart() {
    return timerStart;
  }

  /** Where the timer ends. */
  public int timerEnd() {
    return timerEnd;
  }

  /** Where the key starts. */
  public int keyStart() {
    return timerStart;
  }

  /** Where the key ends. */
  public int keyEnd() {
    return keyEnd;
  }

  /** Where the text of the dynamic tag starts, after its length. */
  public int tagStart() {
    return tagStart;
  }

  /** Where the dynamic tag ends. */
  public int tagEnd() {
    return tagEnd;
  }

  /** The dynamic tag: a new string, empty for timers that have none. */
  public String tag() {
    return tagStart == tagEnd
        ? ""
        : new String(buffer, tagStart, tagEnd - tagStart, StandardCharsets.UTF_8);
  }

  /** In how many windows the timer is set. */
  public int windowCount() {
    return windows.count();
  }

  /**
   * Where a window starts.
   *
   * @throws IndexOutOfBoundsException if the timer has no such window
   */
  public int windowStart(int index) {
    return windows.start(index);
  }

  /**
   * Where a window ends.
   *
   * @throws IndexOutOfBoundsException if the timer has no such window
   */
  public int windowEnd(int index) {
    return windows.end(index);
  }

  /**
   * The last moment of a window, in milliseconds since the epoch.
   *
   * @throws IndexOutOfBoundsException if the timer has no such window
   */
  public long windowMaxTimestamp(int index) {
    return windows.maxTimestamp(buffer, index);
  }

  /** Whether the timer is to be cleared; then it has neither timestamps nor pane. */
  public boolean isClear() {
    return clear;
  }

  /** When to fire, in milliseconds since the epoch; 0 if the timer is to be cleared. */
  public long fireTimestamp() {
    return fireTimestamp;
  }

  /** Where to hold the output watermark until then; 0 if the timer is to be cleared. */
  public long holdTimestamp() {
    return holdTimestamp;
  }

  /** Where the pane starts; the end of the timer if it is to be cleared. */
  public int paneStart() {
    return paneStart;
  }

  /** Where the pane ends. */
  public int paneEnd() {
    return timerEnd;
  }
}
