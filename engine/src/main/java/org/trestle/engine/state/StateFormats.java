package org.trestle.engine.state;

import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.WireCoder;

/** How the values of a stage's user states are read, where the runner has to tell them apart. */
@FunctionalInterface
public interface StateFormats {
  /** The coder of maps and sets, in which a key has no more than one value. */
  WireCoder ONE_VALUE = (buffer, position, limit) -> limit;

  /**
   * Returns the coder of a state's values as they come on the wire: of a multimap's values, or of
   * an ordered list's values (behind the sort key) if it is not a length prefix; null if unknown.
   * Bags need none.
   */
  @Nullable WireCoder value(String transform, String userState);
}
