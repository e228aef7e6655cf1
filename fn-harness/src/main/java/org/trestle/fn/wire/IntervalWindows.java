package org.trestle.fn.wire;

/**
 * Encoding of interval windows (fixed, sliding and session windows): the end as a timestamp, then
 * the span in milliseconds as a varint. The end is exclusive.
 */
public final class IntervalWindows {
  private IntervalWindows() {}

  /**
   * Reads the end (exclusive) of the window that starts at {@code position} of the buffer.
   *
   * @throws WireFormatException if it reaches beyond {@code limit}
   */
  public static long end(byte[] buffer, int position, int limit) {
    return Timestamps.decode(buffer, position, limit);
  }

  /**
   * Reads the start (inclusive) of the window that starts at {@code position} of the buffer.
   *
   * @throws WireFormatException if it is malformed or reaches beyond {@code limit}
   */
  public static long start(byte[] buffer, int position, int limit) {
    return end(buffer, position, limit)
        - VarInts.decode(buffer, position + Timestamps.LENGTH, limit);
  }

  /** Appends the window from {@code start} (inclusive) to {@code end} (exclusive). */
  public static void encode(ByteSink sink, long start, long end) {
    Timestamps.encode(sink, end);
    sink.putVarInt(end - start);
  }

  /** Returns the encoded window from {@code start} (inclusive) to {@code end} (exclusive). */
  public static byte[] encode(long start, long end) {
    ByteSink sink = new ByteSink(Timestamps.LENGTH + 10);
    encode(sink, start, end);
    return sink.toByteArray();
  }
}
