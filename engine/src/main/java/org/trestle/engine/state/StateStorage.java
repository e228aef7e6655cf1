package org.trestle.engine.state;

import java.util.NavigableMap;
import java.util.Set;
import org.trestle.engine.core.port.ByteKey;

/**
 * Keeps committed user state: for each cell, values by entry key in ascending order of bytes. A bag
 * is one entry of an empty key, a multimap has an entry for each of its keys, an ordered list one
 * for each sort key.
 *
 * <p>Safe for use by several threads, as long as a cell is used by one at a time.
 */
interface StateStorage extends AutoCloseable {

  /** The entries of a cell: a view that must not be changed, valid until the cell is. */
  NavigableMap<ByteKey, ValueChunks> entries(StateAddress cell);

  /**
   * Changes a cell.
   *
   * @param clearAll first all entries go
   * @param cleared first these entries go
   * @param appended then these values are added, to entries that are made where need be. The
   *     storage takes the chunks over
   */
  void apply(
      StateAddress cell,
      boolean clearAll,
      Set<ByteKey> cleared,
      NavigableMap<ByteKey, ValueChunks> appended);

  /** Removes the cells of all keys in a window. */
  void remove(ByteKey window);

  /** Removes the cells of a key in a window. */
  void remove(ByteKey window, ByteKey key);

  @Override
  void close();
}
