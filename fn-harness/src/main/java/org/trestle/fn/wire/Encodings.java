package org.trestle.fn.wire;

/**
 * The shapes that encodings of standard coders are made of.
 *
 * <p>Whatever is not {@link Fixed} takes at least one byte, so the time to skip a value is bounded
 * by its size and the depth of its coder; runs of values without bytes are not counted through.
 */
final class Encodings {
  /** A variable-length integer. */
  static final WireCoder VARINT = VarInts::skip;

  /** A length, then as many bytes. */
  static final WireCoder LENGTH_PREFIXED = Encodings::skipLengthPrefixed;

  /** A zero or a one. */
  static final WireCoder BOOL = Encodings::skipBool;

  /** A pane. */
  static final WireCoder PANE = Panes::skip;

  /** A decimal number of a row: scale, then the unscaled value as length-prefixed bytes. */
  static final WireCoder DECIMAL = pair(VARINT, LENGTH_PREFIXED);

  private Encodings() {}

  /** Returns the coder of a value of {@code first} followed by one of {@code second}. */
  static WireCoder pair(WireCoder first, WireCoder second) {
    if (first instanceof Fixed one && second instanceof Fixed two) {
      return new Fixed(one.length + two.length);
    }
    return new Pair(first, second);
  }

  /** Returns the coder of a windowed value. */
  static WireCoder windowedValue(WireCoder value, WireCoder window) {
    return pair(pair(new Fixed(Timestamps.LENGTH), new Elements(window, false)), pair(PANE, value));
  }

  private static int skipLengthPrefixed(byte[] buffer, int position, int limit) {
    if (position < limit && buffer[position] >= 0) { // a length of one byte
      return Bounds.advance(position + 1, buffer[position], limit);
    }
    long length = VarInts.decode(buffer, position, limit);
    return Bounds.advance(VarInts.skip(buffer, position, limit), length, limit);
  }

  private static int skipBool(byte[] buffer, int position, int limit) {
    int value = Bounds.unsignedByte(buffer, position, limit);
    if (value > 1) {
      throw new WireFormatException("neither true nor false at " + position + ": " + value);
    }
    return position + 1;
  }

  /** Skips {@code count} values that follow each other. */
  static int skipAll(WireCoder element, long count, byte[] buffer, int position, int limit) {
    if (element instanceof Fixed fixed) {
      if (fixed.length > 0 && count > ((long) limit - position) / fixed.length) {
        throw new WireFormatException(
            "truncated: " + count + " values do not fit between " + position + " and " + limit);
      }
      return position + (int) (count * fixed.length);
    }
    int next = position;
    for (long i = 0; i < count; i++) {
      int end = element.skip(buffer, next, limit);
      if (end == next) {
        return end; // values without bytes: the others have none either
      }
      next = end;
    }
    return next;
  }

  /** Any bytes, always as many. */
  record Fixed(int length) implements WireCoder {
    Fixed {
      if (length < 0) {
        throw new UnknownCoderException("a coder of values larger than 2 GiB");
      }
    }

    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return Bounds.advance(position, length, limit);
    }
  }

  /** One value, then another. */
  record Pair(WireCoder first, WireCoder second) implements WireCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return second.skip(buffer, first.skip(buffer, position, limit), limit);
    }
  }

  /** A zero for null, or a one and a value. */
  record Nullable(WireCoder value) implements WireCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      int end = skipBool(buffer, position, limit);
      return buffer[position] == 0 ? end : value.skip(buffer, end, limit);
    }
  }

  /**
   * An iterable: a fixed32 count and the values; or -1 and chunks of a varint count and values,
   * ended by a zero, or, if the rest may be in state, by -1 and a length-prefixed token.
   */
  record Elements(WireCoder element, boolean stateBacked) implements WireCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      int count = Bounds.fixed32(buffer, position, limit);
      int next = position + Integer.BYTES;
      if (count >= 0) {
        return skipAll(element, count, buffer, next, limit);
      }
      if (count != -1) {
        throw new WireFormatException("negative element count " + count + " at " + position);
      }
      return skipChunks(buffer, next, limit);
    }

    private int skipChunks(byte[] buffer, int position, int limit) {
      int next = position;
      while (true) {
        long count = VarInts.decode(buffer, next, limit);
        int values = VarInts.skip(buffer, next, limit);
        if (count == 0) {
          return values;
        } else if (count > 0) {
          next = skipAll(element, count, buffer, values, limit);
        } else if (count == -1 && stateBacked) {
          return LENGTH_PREFIXED.skip(buffer, values, limit);
        } else {
          throw new WireFormatException("bad chunk size " + count + " at " + next);
        }
      }
    }
  }

  /** A map of a row: a fixed32 count, then keys and values in turn. */
  record Entries(WireCoder entry) implements WireCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      int count = Bounds.fixed32(buffer, position, limit);
      if (count < 0) {
        throw new WireFormatException("negative map size " + count + " at " + position);
      }
      return skipAll(entry, count, buffer, position + Integer.BYTES, limit);
    }
  }

  /** A timer; see {@link TimerCursor}. */
  record Timer(WireCoder key, WireCoder windows) implements WireCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      int tag = key.skip(buffer, position, limit);
      int window = LENGTH_PREFIXED.skip(buffer, tag, limit);
      int clear = windows.skip(buffer, window, limit);
      int end = skipBool(buffer, clear, limit);
      if (buffer[clear] == 1) {
        return end;
      }
      return Panes.skip(buffer, Bounds.advance(end, 2L * Timestamps.LENGTH, limit), limit);
    }
  }
}
