package org.trestle.fn.wire;

/** The windows that a runner can read. */
final class WindowCoders {
  /** The global window: no bytes. */
  static final WindowCoder GLOBAL = new Global();

  /** Interval windows: see {@link IntervalWindows}. */
  static final WindowCoder INTERVAL = new Interval();

  private WindowCoders() {}

  private record Global() implements WindowCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return position;
    }

    @Override
    public long maxTimestamp(byte[] buffer, int position, int limit) {
      return GlobalWindow.MAX_TIMESTAMP;
    }
  }

  private record Interval() implements WindowCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return VarInts.skip(buffer, Bounds.advance(position, Timestamps.LENGTH, limit), limit);
    }

    @Override
    public long maxTimestamp(byte[] buffer, int position, int limit) {
      return IntervalWindows.end(buffer, position, limit) - 1;
    }
  }

  /** A maximum timestamp, then a window that is not looked into. */
  record Custom(WireCoder window) implements WindowCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return window.skip(buffer, Bounds.advance(position, Timestamps.LENGTH, limit), limit);
    }

    @Override
    public long maxTimestamp(byte[] buffer, int position, int limit) {
      return Timestamps.decode(buffer, position, limit);
    }
  }

  /** A length, then a window that fills it. */
  record LengthPrefixed(WindowCoder window) implements WindowCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      int end = Encodings.LENGTH_PREFIXED.skip(buffer, position, limit);
      int windowEnd = window.skip(buffer, VarInts.skip(buffer, position, limit), end);
      if (windowEnd != end) {
        throw new WireFormatException("a window does not fill its length at " + position);
      }
      return end;
    }

    @Override
    public long maxTimestamp(byte[] buffer, int position, int limit) {
      return window.maxTimestamp(buffer, VarInts.skip(buffer, position, limit), limit);
    }
  }
}
