package org.trestle.fn.wire;

/** Checked steps through a buffer, shared by the readers of this package. */
final class Bounds {
  private Bounds() {}

  /** Returns {@code position + length}, if that many bytes are there. */
  static int advance(int position, long length, int limit) {
    if (length < 0 || length > (long) limit - position) {
      throw truncated(position, length, limit);
    }
    return position + (int) length;
  }

  /** Reads one byte as 0 to 255. */
  static int unsignedByte(byte[] buffer, int position, int limit) {
    if (position >= limit) {
      throw truncated(position, 1, limit);
    }
    return buffer[position] & 0xFF;
  }

  /** Reads a big-endian 32-bit integer. */
  static int fixed32(byte[] buffer, int position, int limit) {
    advance(position, Integer.BYTES, limit);
    return (int) ByteSink.INTS.get(buffer, position);
  }

  private static WireFormatException truncated(int position, long length, int limit) {
    return new WireFormatException(
        length < 0
            ? "negative length " + length + " at byte " + position
            : "truncated: " + length + " bytes wanted at " + position + ", data ends at " + limit);
  }
}
