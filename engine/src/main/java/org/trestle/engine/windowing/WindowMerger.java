package org.trestle.engine.windowing;

import java.util.List;
import org.trestle.engine.core.port.ByteKey;

/**
 * Merges windows as a merging window fn says. Safe for use by several threads; may block while an
 * SDK does the merging.
 */
@FunctionalInterface
public interface WindowMerger {

  /**
   * Merges several sets of windows, each for itself.
   *
   * @param windowSets for each key, its distinct windows in ascending order of bytes
   * @return for each set, in the same order, the windows it becomes. A window that is in no {@code
   *     sources} stays as it is; one that is in several is an error of the window fn
   */
  List<List<Merged>> merge(List<List<ByteKey>> windowSets);

  /**
   * A window and the windows that it replaces.
   *
   * @param window need not be one of the sources
   */
  record Merged(ByteKey window, List<ByteKey> sources) {
    public Merged {
      sources = List.copyOf(sources);
    }
  }
}
