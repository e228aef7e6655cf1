package org.trestle.engine.optimize;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.engine.graph.PipelineGraph;
import org.trestle.engine.graph.TransformKinds;
import org.trestle.engine.graph.TransformNode;

/**
 * Drops what nobody can notice: transforms that the runner executes (they have no side effects) and
 * whose output nobody reads. Transforms with user code stay, whoever reads their outputs.
 */
final class DeadBranches {
  private DeadBranches() {}

  static Pipeline apply(Pipeline pipeline) {
    List<TransformNode> backwards = new ArrayList<>(PipelineGraph.of(pipeline).transforms());
    Collections.reverse(backwards);
    Set<PCollectionId> read = new HashSet<>();
    Set<String> dead = new HashSet<>();
    for (TransformNode node : backwards) {
      boolean inRunner =
          TransformKinds.runnerPrimitive(node.urn()) || TransformKinds.redistributes(node.urn());
      if (inRunner && Collections.disjoint(read, node.outputs().values())) {
        dead.add(node.id().value());
      } else {
        read.addAll(node.mainInputs().values());
        read.addAll(node.sideInputs().values());
      }
    }
    if (dead.isEmpty()) {
      return pipeline;
    }
    PipelineEditor editor = new PipelineEditor(pipeline);
    for (var leaf : PipelineEditor.leavesOf(pipeline).entrySet()) {
      if (!dead.contains(leaf.getKey())) {
        editor.put(leaf.getKey(), leaf.getValue());
      }
    }
    return editor.build();
  }
}
