package org.trestle.engine.fuse;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.trestle.engine.graph.PCollectionId;

/**
 * A pipeline cut into stages.
 *
 * @param components the rewritten pipeline's components, with the wire coders of all edges
 * @param stages in topological order, side inputs included
 * @param edges all materialised PCollections, in order of their first producer
 * @param barriers why stages end where they do, in topological order
 */
public record FusedPipeline(
    Components components,
    List<Stage> stages,
    Map<PCollectionId, Edge> edges,
    List<Barrier> barriers) {

  public FusedPipeline {
    stages = List.copyOf(stages);
    edges = Collections.unmodifiableMap(new LinkedHashMap<>(edges));
    barriers = List.copyOf(barriers);
  }

  /**
   * Finds an edge.
   *
   * @throws IllegalArgumentException if the pipeline has no such edge
   */
  public Edge edge(PCollectionId id) {
    Edge edge = edges.get(id);
    if (edge == null) {
      throw new IllegalArgumentException("no edge " + id);
    }
    return edge;
  }
}
