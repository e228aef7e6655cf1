package org.trestle.benchmark;

import org.apache.beam.sdk.Pipeline;

/**
 * The least pipeline that stresses one thing.
 *
 * @param size how many units it processes at a scale of 1
 * @param unit what it counts, in the plural
 */
record Workload(String name, int size, String unit, Builder builder) {

  /** Adds a workload's transforms to a pipeline, with a check of their answer. */
  @FunctionalInterface
  interface Builder {
    void build(Pipeline pipeline, int size);
  }
}
