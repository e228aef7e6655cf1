package org.trestle.fn.wire;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.nio.charset.StandardCharsets;

/** Appends encoded timers to a sink; see {@link TimerCursor}. For use by one thread. */
public final class TimerWriter {
  private final ByteSink sink;

  /** Makes a writer into {@code sink}. */
  public TimerWriter(ByteSink sink) {
    this.sink = sink;
  }

  /** Where the timers go. */
  public ByteSink sink() {
    return sink;
  }

  /**
   * Appends a timer that is set, or has fired.
   *
   * @param key the encoded key
   * @param tag the dynamic tag, empty for none
   * @param window the encoded window, empty for the global one
   * @param pane a pane of one byte, such as {@link Panes#NO_FIRING}
   */
  @CanIgnoreReturnValue
  public TimerWriter set(
      byte[] key, String tag, byte[] window, long fireTimestamp, long holdTimestamp, byte pane) {
    head(key, tag, window).putByte(0);
    Timestamps.encode(sink, fireTimestamp);
    Timestamps.encode(sink, holdTimestamp);
    sink.putByte(pane);
    return this;
  }

  /** Appends the clearing of a timer. */
  @CanIgnoreReturnValue
  public TimerWriter clear(byte[] key, String tag, byte[] window) {
    head(key, tag, window).putByte(1);
    return this;
  }

  private ByteSink head(byte[] key, String tag, byte[] window) {
    byte[] text = tag.getBytes(StandardCharsets.UTF_8);
    return sink.put(key).putLengthPrefixed(text, 0, text.length).putInt(1).put(window);
  }
}
