package org.trestle.engine.optimize;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.engine.graph.PipelineGraph;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Transforms;

/**
 * Makes one flatten of a flatten and the only reader of its output, if that is a flatten as well.
 * Where the two have different coders, elements then change theirs once instead of twice.
 */
final class FlattenMerging {
  private FlattenMerging() {}

  static Pipeline apply(Pipeline pipeline) {
    PipelineGraph graph = PipelineGraph.of(pipeline);
    Map<PCollectionId, List<PCollectionId>> merged = new HashMap<>();
    Map<String, PTransform> changed = new LinkedHashMap<>(PipelineEditor.leavesOf(pipeline));
    for (TransformNode node : graph.transforms()) {
      if (!node.urn().equals(Transforms.FLATTEN)) {
        continue;
      }
      List<PCollectionId> inputs = new ArrayList<>();
      for (PCollectionId input : node.mainInputs().values()) {
        inputs.addAll(merged.getOrDefault(input, List.of(input)));
      }
      if (mergeable(node, graph)) {
        merged.put(node.output(), inputs);
        changed.remove(node.id().value());
      } else if (inputs.size() != node.mainInputs().size()
          || !inputs.containsAll(node.mainInputs().values())) {
        changed.put(node.id().value(), withInputs(node.proto(), inputs));
      }
    }
    if (merged.isEmpty()) {
      return pipeline;
    }
    PipelineEditor editor = new PipelineEditor(pipeline);
    changed.forEach(editor::put);
    return editor.build();
  }

  private static boolean mergeable(TransformNode node, PipelineGraph graph) {
    PCollectionId output = node.output();
    List<TransformNode> readers = graph.consumers(output);
    if (readers.size() != 1 || !readers.get(0).urn().equals(Transforms.FLATTEN)) {
      return false;
    }
    TransformNode reader = readers.get(0);
    long times = reader.mainInputs().values().stream().filter(output::equals).count();
    return times == 1
        && graph
            .pcollection(output)
            .getWindowingStrategyId()
            .equals(graph.pcollection(reader.output()).getWindowingStrategyId());
  }

  private static PTransform withInputs(PTransform flatten, List<PCollectionId> inputs) {
    PTransform.Builder changed = flatten.toBuilder().clearInputs();
    for (PCollectionId input : inputs) {
      changed.putInputs("i" + changed.getInputsCount(), input.value());
    }
    return changed.build();
  }
}
