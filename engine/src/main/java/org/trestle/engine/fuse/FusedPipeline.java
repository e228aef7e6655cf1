package org.trestle.engine.fuse;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.trestle.engine.graph.PCollectionId;

/**
 * A pipeline cut into stages.
 *
 * @param components the rewritten pipeline's components, with the wire coders of all edges
 * @param stages in topological order, side inputs included
 * @param edges all materialised PCollections, in order of their first producer
 * @param testStreams the TestStreams; their outputs are edges without producers
 * @param barriers why stages end where they do, in topological order
 */
public record FusedPipeline(
    Components components,
    List<Stage> stages,
    Map<PCollectionId, Edge> edges,
    List<TestStream> testStreams,
    List<Barrier> barriers) {

  public FusedPipeline {
    stages = List.copyOf(stages);
    edges = Collections.unmodifiableMap(new LinkedHashMap<>(edges));
    testStreams = List.copyOf(testStreams);
    barriers = List.copyOf(barriers);
  }

  /** Whether the job may have no end of its own: there are unbounded PCollections. */
  public boolean unbounded() {
    return !testStreams.isEmpty() || unbounded(components.getPcollectionsMap().values());
  }

  /** Whether one of the PCollections is unbounded. */
  public static boolean unbounded(Collection<PCollection> pcollections) {
    for (PCollection pcollection : pcollections) {
      if (pcollection.getIsBounded() == IsBounded.Enum.UNBOUNDED) {
        return true;
      }
    }
    return false;
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
