package org.trestle.fn.wire;

/**
 * Beam's encoding of timestamps: eight bytes, big-endian, sign bit flipped, so that bytes sort like
 * times. Milliseconds since the epoch.
 */
public final class Timestamps {
  /** How many bytes a timestamp takes. */
  public static final int LENGTH = Long.BYTES;

  private Timestamps() {}

  /**
   * Reads the timestamp that starts at {@code position}.
   *
   * @throws WireFormatException if it reaches beyond {@code limit}
   */
  public static long decode(byte[] buffer, int position, int limit) {
    Bounds.advance(position, LENGTH, limit);
    return (long) ByteSink.LONGS.get(buffer, position) ^ Long.MIN_VALUE;
  }

  /** Appends a timestamp. */
  public static void encode(ByteSink sink, long millis) {
    sink.putLong(millis ^ Long.MIN_VALUE);
  }

  /**
   * Writes a timestamp over the eight bytes at {@code position}.
   *
   * @throws IndexOutOfBoundsException if the array is too short
   */
  public static void encode(byte[] buffer, int position, long millis) {
    ByteSink.LONGS.set(buffer, position, millis ^ Long.MIN_VALUE);
  }
}
