package org.trestle.engine.shuffle;

import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;

/**
 * How the bytes of an edge are read: windowed values of these coders.
 *
 * @param value coder of the value; where there is a key, of what follows the key
 * @param key coder of the key that each value starts with; null if nobody needs keys
 */
public record EdgeFormat(WindowCoder window, WireCoder value, @Nullable WireCoder key) {

  /** Makes a cursor over elements of this format. */
  public WindowedValueCursor cursor() {
    return key == null
        ? new WindowedValueCursor(window, value)
        : new WindowedValueCursor(window, key, value);
  }
}
