package org.trestle.engine.shuffle;

import org.trestle.engine.core.bundle.EdgeId;

/**
 * What a writer needs to know of an edge.
 *
 * @param readers how many consumers (stages without keys, side inputs) take each element from
 *     {@code blocks}
 * @param keyedReaders how many consumers take each element from {@code keyed}
 * @param keyGroups number of key groups; counts only if there are keyed readers
 * @param byWindow whether all elements of a block must be in the same windows, for readers that
 *     treat windows differently
 * @param paged whether the readers can page through the values of an iterable that is the value of
 *     a pair
 */
public record EdgeTarget(
    EdgeId edge,
    EdgeFormat format,
    int readers,
    int keyedReaders,
    int keyGroups,
    boolean byWindow,
    boolean paged) {

  public EdgeTarget {
    if (readers < 0 || keyedReaders < 0) {
      throw new IllegalArgumentException("edge " + edge + ": negative number of readers");
    }
    if (keyedReaders > 0 && (format.key() == null || keyGroups < 1)) {
      throw new IllegalArgumentException("edge " + edge + ": keyed readers, but no keys or groups");
    }
  }

  /** An edge whose blocks may hold elements of any windows. */
  public EdgeTarget(EdgeId edge, EdgeFormat format, int readers, int keyedReaders, int keyGroups) {
    this(edge, format, readers, keyedReaders, keyGroups, false);
  }

  /** An edge whose iterables are whole. */
  public EdgeTarget(
      EdgeId edge,
      EdgeFormat format,
      int readers,
      int keyedReaders,
      int keyGroups,
      boolean byWindow) {
    this(edge, format, readers, keyedReaders, keyGroups, byWindow, false);
  }

  /** Whether elements are parted by key group. */
  public boolean keyed() {
    return keyedReaders > 0;
  }
}
