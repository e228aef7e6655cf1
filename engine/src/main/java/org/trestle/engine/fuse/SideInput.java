package org.trestle.engine.fuse;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/**
 * A side input of a transform in a stage. State requests name it by transform and side input id.
 *
 * @param sideInputId the transform's own name of the input
 * @param pcollection the PCollection that the transform reads
 * @param edges the edges that hold its elements; an edge listed twice counts twice
 * @param accessPattern {@code beam:side_input:iterable:v1} or {@code beam:side_input:multimap:v1}
 * @param wireCoderId coder of the values
 * @param keyCoderId coder of the keys, for a multimap
 * @param valueCoderId coder of a key's values, for a multimap
 * @param windowCoderId coder of the windows, in elements and in state requests
 * @param windowingStrategyId windowing strategy of the side input
 */
public record SideInput(
    TransformId transform,
    String sideInputId,
    PCollectionId pcollection,
    List<PCollectionId> edges,
    String accessPattern,
    String wireCoderId,
    @Nullable String keyCoderId,
    @Nullable String valueCoderId,
    String windowCoderId,
    String windowingStrategyId) {

  public SideInput {
    edges = List.copyOf(edges);
  }
}
