package org.trestle.engine.optimize;

import java.util.HashMap;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.proto.Urns.Transforms;

/**
 * Lets all readers of impulses read one: they hold the same single element. What was fused with
 * each of them then becomes one stage, so that a pipeline of many small sources starts with one
 * bundle instead of one for each.
 */
final class ImpulseSharing {
  private ImpulseSharing() {}

  static Pipeline apply(Pipeline pipeline) {
    Map<PCollection, String> kept = new HashMap<>();
    Map<String, String> renamed = new HashMap<>();
    PipelineEditor editor = new PipelineEditor(pipeline);
    Map<String, PTransform> leaves = PipelineEditor.leavesOf(pipeline);
    leaves.forEach(
        (id, leaf) -> {
          String output = impulseOutput(leaf);
          if (output == null) {
            return;
          }
          PCollection like =
              pipeline.getComponents().getPcollectionsOrThrow(output).toBuilder()
                  .clearUniqueName()
                  .clearDisplayData()
                  .build();
          String first = kept.putIfAbsent(like, output);
          if (first != null) {
            renamed.put(output, first);
          }
        });
    if (renamed.isEmpty()) {
      return pipeline;
    }
    leaves.forEach(
        (id, leaf) -> {
          String output = impulseOutput(leaf);
          if (output == null || !renamed.containsKey(output)) {
            editor.put(id, withInputs(leaf, renamed));
          }
        });
    return editor.build();
  }

  private static @Nullable String impulseOutput(PTransform leaf) {
    return leaf.getSpec().getUrn().equals(Transforms.IMPULSE) && leaf.getOutputsCount() == 1
        ? leaf.getOutputsMap().values().iterator().next()
        : null;
  }

  private static PTransform withInputs(PTransform leaf, Map<String, String> renamed) {
    PTransform.Builder changed = leaf.toBuilder();
    leaf.getInputsMap()
        .forEach((name, input) -> changed.putInputs(name, renamed.getOrDefault(input, input)));
    return changed.build();
  }
}
