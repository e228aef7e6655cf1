package org.trestle.engine.shuffle;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;
import org.trestle.fn.wire.WireFormatException;

/**
 * How the bytes of an edge are read: windowed values of these coders.
 *
 * @param value coder of the value; where there is a key, of what follows the key
 * @param key coder of the key that each value starts with; null if nobody needs keys
 */
public record EdgeFormat(WindowCoder window, WireCoder value, @Nullable WireCoder key) {

  /** The same bytes without regard to keys. */
  public EdgeFormat whole() {
    WireCoder first = key;
    return first == null
        ? this
        : new EdgeFormat(
            window,
            (buffer, position, limit) ->
                value.skip(buffer, first.skip(buffer, position, limit), limit),
            null);
  }

  /** The same bytes, with a key of no bytes before each value. */
  public EdgeFormat withEmptyKey() {
    return new EdgeFormat(window, whole().value(), (buffer, position, limit) -> position);
  }

  /**
   * The format of panes: each element is an iterable of values of this format (a count, then the
   * values), behind a key of no bytes.
   */
  public EdgeFormat panes() {
    WireCoder each = whole().value();
    return new EdgeFormat(
        window,
        (buffer, position, limit) -> {
          int next = position + Integer.BYTES;
          for (int left = paneSize(buffer, position, limit); left > 0; left--) {
            next = each.skip(buffer, next, limit);
          }
          return next;
        },
        null);
  }

  /** How many values the iterable has that begins here. */
  static int paneSize(byte[] buffer, int position, int limit) {
    if (limit - position < Integer.BYTES) {
      throw new WireFormatException("cut off at " + position);
    }
    int count = ByteBuffer.wrap(buffer).getInt(position);
    if (count < 0) {
      throw new WireFormatException("an iterable of unknown length at " + position);
    }
    return count;
  }

  /** Makes a cursor over elements of this format. */
  public WindowedValueCursor cursor() {
    return key == null
        ? new WindowedValueCursor(window, value)
        : new WindowedValueCursor(window, key, value);
  }
}
