package org.trestle.engine.shuffle;

import org.jspecify.annotations.Nullable;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;

/**
 * How a grouping stage groups.
 *
 * @param input format of the elements, which have keys
 * @param outputTime how a group's timestamp comes from its elements or its window
 * @param merger merges the windows of each key; null if windows do not merge
 */
public record Grouping(EdgeFormat input, OutputTime outputTime, @Nullable WindowMerger merger) {

  public Grouping {
    if (input.key() == null) {
      throw new IllegalArgumentException("grouping of elements without keys");
    }
  }
}
