package org.trestle.engine.state;

import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.WireCoder;

/** How the values of a stage's user states are read, where the runner has to tell them apart. */
@FunctionalInterface
public interface StateFormats {

  /**
   * Returns the coder of a state's values as they come on the wire: of an ordered list's values
   * (behind the sort key) or a multimap's values; null if unknown. Bags need none.
   */
  @Nullable WireCoder value(String transform, String userState);
}
