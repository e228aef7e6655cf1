package org.trestle.engine.core.bundle;

import java.util.List;
import org.trestle.engine.core.port.ElementBlock;

/**
 * The work of one bundle.
 *
 * @param keyGroups the key groups leased to the bundle, ascending; empty for stages without keys
 * @param elements in order of arrival (within a key group, for keyed stages)
 * @param timers in firing order; delivered after the elements
 * @param closing the input of these key groups has ended: a grouping stage gives out its groups
 * @param attempts those before this one
 * @param inputWatermark of the stage when the bundle started: an element whose window ended before
 *     it is late
 * @param processingTime when the bundle started, in milliseconds of the job's clock
 */
public record BundleWork(
    BundleId id,
    StageId stage,
    List<Integer> keyGroups,
    List<ElementBlock> elements,
    List<FiredTimer> timers,
    boolean closing,
    Attempts attempts,
    long inputWatermark,
    long processingTime) {

  public BundleWork {
    keyGroups = List.copyOf(keyGroups);
    elements = List.copyOf(elements);
    timers = List.copyOf(timers);
  }

  /** The same with other elements. */
  public BundleWork withElements(List<ElementBlock> other) {
    return new BundleWork(
        id, stage, keyGroups, other, timers, closing, attempts, inputWatermark, processingTime);
  }

  /** Which attempt this is: 1 for the first. */
  public int attempt() {
    return attempts.count() + 1;
  }

  /** How many elements. */
  public long elementCount() {
    long count = 0;
    for (ElementBlock block : elements) {
      count += block.count();
    }
    return count;
  }
}
