package org.trestle.fn.wire;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Walks over encoded windowed values that follow each other in a byte array.
 *
 * <p>Start with {@link #reset}, then call {@link #next} until it returns false; in between, the
 * other methods tell of the current element. All positions are indexes of the array given to {@code
 * reset}. Makes no objects on its way. For use by one thread.
 *
 * <p>An element is: timestamp, windows (a count and the windows), pane, value. A value of the
 * {@code kv} coder begins with its key.
 */
public final class WindowedValueCursor {
  private final WindowList windows;
  private final @Nullable WireCoder key;
  private final WireCoder value;

  private byte[] buffer = new byte[0];
  private int limit;
  private int elementStart;
  private long timestamp;
  private int paneStart;
  private int valueStart;
  private int keyEnd;
  private int elementEnd;

  /** Makes a cursor over elements whose keys do not matter. */
  public WindowedValueCursor(WindowCoder window, WireCoder value) {
    this.windows = new WindowList(window);
    this.key = null;
    this.value = value;
  }

  /** Makes a cursor over elements that are pairs of a key and a value. */
  public WindowedValueCursor(WindowCoder window, WireCoder key, WireCoder value) {
    this.windows = new WindowList(window);
    this.key = key;
    this.value = value;
  }

  /** Whether this cursor finds keys. */
  public boolean isKeyed() {
    return key != null;
  }

  /** Goes before the first element of {@code bytes}. */
  @CanIgnoreReturnValue
  public WindowedValueCursor reset(byte[] bytes) {
    return reset(bytes, 0, bytes.length);
  }

  /**
   * Goes before the first element of {@code bytes[from, to)}.
   *
   * @throws IndexOutOfBoundsException if that is not a range of the array
   */
  @CanIgnoreReturnValue
  public WindowedValueCursor reset(byte[] bytes, int from, int to) {
    Objects.checkFromToIndex(from, to, bytes.length);
    buffer = bytes;
    limit = to;
    elementStart = from;
    elementEnd = from;
    return this;
  }

  /**
   * Goes to the next element.
   *
   * @return false if there is none
   * @throws WireFormatException if it is malformed or cut off; the cursor cannot go on
   */
  public boolean next() {
    int start = elementEnd;
    if (start == limit) {
      return false;
    }
    elementStart = start;
    timestamp = Timestamps.decode(buffer, start, limit);
    paneStart = windows.read(buffer, start + Timestamps.LENGTH, limit);
    valueStart = Panes.skip(buffer, paneStart, limit);
    keyEnd = key == null ? valueStart : key.skip(buffer, valueStart, limit);
    elementEnd = value.skip(buffer, keyEnd, limit);
    return true;
  }

  /** The array walked over. */
  public byte[] buffer() {
    return buffer;
  }

  /** Where the element starts: with its timestamp. */
  public int elementStart() {
    return elementStart;
  }

  /** Where the element ends. */
  public int elementEnd() {
    return elementEnd;
  }

  /** The element's timestamp, in milliseconds since the epoch. */
  public long timestamp() {
    return timestamp;
  }

  /** In how many windows the element is. */
  public int windowCount() {
    return windows.count();
  }

  /** Where the windows start: with their count. */
  public int windowsStart() {
    return elementStart + Timestamps.LENGTH;
  }

  /** Where the windows end. */
  public int windowsEnd() {
    return paneStart;
  }

  /**
   * Where a window starts.
   *
   * @throws IndexOutOfBoundsException if the element has no such window
   */
  public int windowStart(int index) {
    return windows.start(index);
  }

  /**
   * Where a window ends.
   *
   * @throws IndexOutOfBoundsException if the element has no such window
   */
  public int windowEnd(int index) {
    return windows.end(index);
  }

  /**
   * The last moment of a window, in milliseconds since the epoch.
   *
   * @throws IndexOutOfBoundsException if the element has no such window
   */
  public long windowMaxTimestamp(int index) {
    return windows.maxTimestamp(buffer, index);
  }

  /** Where the pane starts. */
  public int paneStart() {
    return paneStart;
  }

  /** Where the pane ends. */
  public int paneEnd() {
    return valueStart;
  }

  /** The first byte of the pane, for {@link Panes#timing}, {@link Panes#isFirst} and the like. */
  public byte paneHead() {
    return buffer[paneStart];
  }

  /** The number of the pane among those of its window. */
  public long paneIndex() {
    return Panes.index(buffer, paneStart, limit);
  }

  /** Where the value starts; in a keyed cursor, where its key does. */
  public int valueStart() {
    return valueStart;
  }

  /** Where the value ends, and the element with it. */
  public int valueEnd() {
    return elementEnd;
  }

  /** Where the key starts: the same as {@link #valueStart}. */
  public int keyStart() {
    return valueStart;
  }

  /**
   * Where the key ends and the rest of the value begins; without keys the same as {@link
   * #keyStart}.
   */
  public int keyEnd() {
    return keyEnd;
  }
}
