package org.trestle.fn.wire;

import com.google.errorprone.annotations.CanIgnoreReturnValue;

/**
 * Appends encoded windowed values to a sink: first a header, then the bytes of the value. For use
 * by one thread.
 */
public final class WindowedValueWriter {
  private static final int FIXED_LENGTH = Timestamps.LENGTH + Integer.BYTES;

  private final ByteSink sink;

  /** Makes a writer into {@code sink}. */
  public WindowedValueWriter(ByteSink sink) {
    this.sink = sink;
  }

  /** Where the elements go. */
  public ByteSink sink() {
    return sink;
  }

  /**
   * Begins an element in one window.
   *
   * @param window the encoded window, empty for the global one
   * @param pane a pane of one byte, such as {@link Panes#NO_FIRING}
   */
  @CanIgnoreReturnValue
  public WindowedValueWriter header(long timestamp, byte[] window, byte pane) {
    return window(timestamp, window, 0, window.length).pane(pane);
  }

  /** Begins an element in one window, with any pane. */
  @CanIgnoreReturnValue
  public WindowedValueWriter header(long timestamp, byte[] window, Panes.Pane pane) {
    window(timestamp, window, 0, window.length);
    Panes.encode(sink, pane);
    return this;
  }

  /**
   * Begins an element with the timestamp and pane of a cursor's element, in one of its windows.
   *
   * @throws IndexOutOfBoundsException if that element has no such window
   */
  @CanIgnoreReturnValue
  public WindowedValueWriter header(WindowedValueCursor source, int windowIndex) {
    byte[] bytes = source.buffer();
    window(
        source.timestamp(), bytes, source.windowStart(windowIndex), source.windowEnd(windowIndex));
    sink.put(bytes, source.paneStart(), source.paneEnd());
    return this;
  }

  /** Appends bytes of the value. */
  @CanIgnoreReturnValue
  public WindowedValueWriter value(byte[] bytes, int from, int to) {
    sink.put(bytes, from, to);
    return this;
  }

  /** Appends bytes of the value. */
  @CanIgnoreReturnValue
  public WindowedValueWriter value(byte[] bytes) {
    sink.put(bytes);
    return this;
  }

  /** Appends the element a cursor is at, as it is. */
  @CanIgnoreReturnValue
  public WindowedValueWriter copy(WindowedValueCursor source) {
    sink.put(source.buffer(), source.elementStart(), source.elementEnd());
    return this;
  }

  private WindowedValueWriter window(long timestamp, byte[] window, int from, int to) {
    sink.ensure(FIXED_LENGTH);
    Timestamps.encode(sink, timestamp);
    sink.putInt(1).put(window, from, to);
    return this;
  }

  private WindowedValueWriter pane(byte pane) {
    sink.putByte(pane);
    return this;
  }
}
