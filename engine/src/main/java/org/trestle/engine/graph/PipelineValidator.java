package org.trestle.engine.graph;

import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;

/** Checks a pipeline as a client sent it. */
public final class PipelineValidator {
  private PipelineValidator() {}

  /**
   * Finds everything that keeps a pipeline from being planned.
   *
   * @return a sentence for each problem, naming what it is about; empty if there is none
   */
  public static List<String> problems(Pipeline pipeline) {
    return List.of();
  }
}
