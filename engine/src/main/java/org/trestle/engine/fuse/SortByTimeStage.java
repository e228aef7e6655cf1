package org.trestle.engine.fuse;

import java.util.List;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/**
 * Brings the elements of each key into the order of their timestamps, in the runner. Input and
 * output have the same coders.
 *
 * @param transform a transform of the plan's own
 * @param consumer the transform that requires the order
 * @param keyCoderId wire coder of the keys
 * @param windowingStrategyId windowing strategy of the input, for its allowed lateness
 */
public record SortByTimeStage(
    String id,
    TransformId transform,
    TransformId consumer,
    List<PCollectionId> inputs,
    PCollectionId output,
    String keyCoderId,
    String windowingStrategyId)
    implements Stage {

  /** The kind of the transform: not one of the model. */
  static final String URN = "trestle:transform:sort_by_time:v1";

  public SortByTimeStage {
    inputs = List.copyOf(inputs);
  }

  @Override
  public List<PCollectionId> outputs() {
    return List.of(output);
  }
}
