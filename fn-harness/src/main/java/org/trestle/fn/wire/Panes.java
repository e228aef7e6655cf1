package org.trestle.fn.wire;

/**
 * Encoding of panes: which firing of a window an element belongs to.
 *
 * <p>The first byte holds {@code form << 4 | timing << 2 | last << 1 | first}. Form 0 ends there
 * (both indexes are zero), form 1 has the index as a varint, form 2 the index and the index among
 * non-speculative panes.
 */
public final class Panes {
  /** The pane of an element that has not been through a trigger, as its only byte. */
  public static final byte NO_FIRING = 0x0F;

  /** First and last pane of a window, fired on time, as its only byte. */
  public static final byte ON_TIME_AND_ONLY = 0x07;

  private static final int FIRST = 1;
  private static final int LAST = 1 << 1;
  private static final int TIMING_SHIFT = 2;
  private static final int FORM_SHIFT = 4;
  private static final int NO_INDEX = 0;
  private static final int ONE_INDEX = 1;
  private static final int TWO_INDEXES = 2;
  private static final Timing[] TIMINGS_BY_CODE = Timing.values();

  private Panes() {}

  /** When a pane fired, relative to the watermark passing the end of its window. */
  public enum Timing {
    EARLY(0),
    ON_TIME(1),
    LATE(2),
    UNKNOWN(3);

    private final int code;

    Timing(int code) {
      this.code = code;
    }
  }

  /**
   * A decoded pane.
   *
   * @param index number of the pane among all of its window
   * @param nonSpeculativeIndex its number among panes that are not early; -1 for an early one
   */
  public record Pane(
      boolean first, boolean last, Timing timing, long index, long nonSpeculativeIndex) {}

  /**
   * Returns the position after the pane that starts at {@code position}.
   *
   * @throws WireFormatException if it is malformed or reaches beyond {@code limit}
   */
  public static int skip(byte[] buffer, int position, int limit) {
    int form = Bounds.unsignedByte(buffer, position, limit) >>> FORM_SHIFT;
    int next = position + 1;
    if (form == NO_INDEX) {
      return next;
    }
    if (form > TWO_INDEXES) {
      throw new WireFormatException("unknown form of pane " + form + " at " + position);
    }
    next = VarInts.skip(buffer, next, limit);
    return form == ONE_INDEX ? next : VarInts.skip(buffer, next, limit);
  }

  /** Returns whether the first byte of a pane says that it is its window's first. */
  public static boolean isFirst(byte head) {
    return (head & FIRST) != 0;
  }

  /** Returns whether the first byte of a pane says that it is its window's last. */
  public static boolean isLast(byte head) {
    return (head & LAST) != 0;
  }

  /** Returns the timing that the first byte of a pane states. */
  public static Timing timing(byte head) {
    return TIMINGS_BY_CODE[(head >>> TIMING_SHIFT) & 3];
  }

  /**
   * Reads the index of the pane that starts at {@code position}.
   *
   * @throws WireFormatException if it is malformed or reaches beyond {@code limit}
   */
  public static long index(byte[] buffer, int position, int limit) {
    int form = Bounds.unsignedByte(buffer, position, limit) >>> FORM_SHIFT;
    return form == NO_INDEX ? 0 : VarInts.decode(buffer, position + 1, limit);
  }

  /**
   * Reads the pane that starts at {@code position}; {@link #skip} tells where it ends.
   *
   * @throws WireFormatException if it is malformed or reaches beyond {@code limit}
   */
  public static Pane decode(byte[] buffer, int position, int limit) {
    int end = skip(buffer, position, limit);
    byte head = buffer[position];
    Timing timing = timing(head);
    long index = index(buffer, position, end);
    long nonSpeculative =
        switch (head >>> FORM_SHIFT) {
          case NO_INDEX -> 0;
          case ONE_INDEX -> timing == Timing.EARLY ? -1 : index;
          default -> VarInts.decode(buffer, VarInts.skip(buffer, position + 1, end), end);
        };
    return new Pane(isFirst(head), isLast(head), timing, index, nonSpeculative);
  }

  /** Appends a pane in its shortest form. */
  public static void encode(ByteSink sink, Pane pane) {
    int head =
        (pane.timing.code << TIMING_SHIFT) | (pane.last ? LAST : 0) | (pane.first ? FIRST : 0);
    if (pane.timing == Timing.UNKNOWN || (pane.index == 0 && pane.nonSpeculativeIndex == 0)) {
      sink.putByte(head);
    } else if (pane.timing == Timing.EARLY || pane.index == pane.nonSpeculativeIndex) {
      sink.putByte((ONE_INDEX << FORM_SHIFT) | head).putVarInt(pane.index);
    } else {
      sink.putByte((TWO_INDEXES << FORM_SHIFT) | head)
          .putVarInt(pane.index)
          .putVarInt(pane.nonSpeculativeIndex);
    }
  }
}
