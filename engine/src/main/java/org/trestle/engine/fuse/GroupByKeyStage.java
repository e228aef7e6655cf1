package org.trestle.engine.fuse;

import java.util.List;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/**
 * Groups key-value pairs by key and window, in the runner. The output's value coder is {@code
 * beam:coder:iterable:v1} over the input's value coder, or {@code
 * beam:coder:state_backed_iterable:v1} if its readers can page, and the key coders are equal.
 *
 * @param transform the GroupByKey of the pipeline
 * @param keyCoderId wire coder of the keys
 * @param valueCoderId wire coder of the ungrouped values
 * @param windowingStrategyId windowing strategy of the input: windows, trigger, lateness
 */
public record GroupByKeyStage(
    String id,
    TransformId transform,
    List<PCollectionId> inputs,
    PCollectionId output,
    String keyCoderId,
    String valueCoderId,
    String windowingStrategyId)
    implements Stage {

  public GroupByKeyStage {
    inputs = List.copyOf(inputs);
  }

  @Override
  public List<PCollectionId> outputs() {
    return List.of(output);
  }
}
