package org.trestle.engine.optimize;

import java.util.HashMap;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.graph.PipelineEditor;

/** Gives transforms of equal environments the same environment id, so that they can be fused. */
final class EnvironmentMerging {
  private EnvironmentMerging() {}

  static Pipeline apply(Pipeline pipeline) {
    Map<Environment, String> first = new HashMap<>();
    Map<String, String> renamed = new HashMap<>();
    pipeline.getComponents().getEnvironmentsMap().keySet().stream()
        .sorted()
        .forEach(
            id -> {
              Environment environment = pipeline.getComponents().getEnvironmentsOrThrow(id);
              String representative = first.computeIfAbsent(environment, unused -> id);
              if (!representative.equals(id)) {
                renamed.put(id, representative);
              }
            });
    if (renamed.isEmpty()) {
      return pipeline;
    }
    PipelineEditor editor = new PipelineEditor(pipeline);
    for (Map.Entry<String, PTransform> leaf : PipelineEditor.leavesOf(pipeline).entrySet()) {
      String representative = renamed.get(leaf.getValue().getEnvironmentId());
      editor.put(
          leaf.getKey(),
          representative == null
              ? leaf.getValue()
              : leaf.getValue().toBuilder().setEnvironmentId(representative).build());
    }
    return editor.build();
  }
}
