package org.trestle.fn.wire;

/**
 * Beam's variable-length integers: 64 bits, seven a byte, least significant first, at most ten
 * bytes.
 */
public final class VarInts {
  private static final int MAX_LENGTH = 10;

  private VarInts() {}

  /**
   * Returns the position after the integer that starts at {@code position}.
   *
   * @throws WireFormatException if it reaches beyond {@code limit} or beyond 64 bits
   */
  public static int skip(byte[] buffer, int position, int limit) {
    if (position < limit && buffer[position] >= 0) {
      return position + 1;
    }
    return skipLong(buffer, position, limit);
  }

  private static int skipLong(byte[] buffer, int position, int limit) {
    int end = limit - position > MAX_LENGTH ? position + MAX_LENGTH : limit;
    for (int i = position; i < end; i++) {
      if (buffer[i] >= 0) {
        if (i - position == MAX_LENGTH - 1 && buffer[i] > 1) {
          throw tooLong(position);
        }
        return i + 1;
      }
    }
    if (end < limit || end - position == MAX_LENGTH) {
      throw tooLong(position);
    }
    throw new WireFormatException("truncated: an integer at " + position + " has no end");
  }

  /**
   * Reads the integer that starts at {@code position}; {@link #skip} tells where it ends.
   *
   * @throws WireFormatException if it reaches beyond {@code limit} or beyond 64 bits
   */
  public static long decode(byte[] buffer, int position, int limit) {
    if (position < limit && buffer[position] >= 0) {
      return buffer[position];
    }
    int end = skip(buffer, position, limit);
    long value = 0;
    for (int i = end - 1; i >= position; i--) {
      value = (value << 7) | (buffer[i] & 0x7F);
    }
    return value;
  }

  /** Returns how many bytes the integer takes. */
  public static int length(long value) {
    return (Long.SIZE - Long.numberOfLeadingZeros(value | 1) + 6) / 7;
  }

  private static WireFormatException tooLong(int position) {
    return new WireFormatException("the integer at " + position + " has more than 64 bits");
  }
}
