package org.trestle.engine.execute;

import com.google.protobuf.Struct;

/**
 * What the pipeline options of a job ask of the engine.
 *
 * @param drainAtStart whether the job is drained before its first bundle: the restrictions of its
 *     sources are truncated, TestStreams end, and it is done when what there is has come through
 */
record JobOptions(boolean drainAtStart) {
  private static final String DRAIN_AT_START = "drain_at_start";

  /** Reads the options that the SDK has sent; those for others are left alone. */
  static JobOptions from(Struct options) {
    return new JobOptions(hasExperiment(options, DRAIN_AT_START));
  }

  private static boolean hasExperiment(Struct options, String name) {
    return PipelineOptions.value(options, "experiments").getListValue().getValuesList().stream()
        .anyMatch(experiment -> experiment.getStringValue().equals(name));
  }
}
