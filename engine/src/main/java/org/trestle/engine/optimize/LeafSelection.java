package org.trestle.engine.optimize;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.engine.graph.TransformKinds;
import org.trestle.proto.Urns.Transforms;

/**
 * Replaces the tree of composites by the leaves that will run. Composites that Trestle executes
 * itself (redistributions) or rewrites (combines) become leaves in place of their parts. Whatever
 * the roots do not reach, and composites without parts that give out their inputs, are dropped.
 */
final class LeafSelection {
  private final Components components;
  private final PipelineEditor editor;
  private final Set<String> seen = new HashSet<>();

  private LeafSelection(Pipeline pipeline) {
    this.components = pipeline.getComponents();
    this.editor = new PipelineEditor(pipeline);
  }

  static Pipeline apply(Pipeline pipeline) {
    LeafSelection selection = new LeafSelection(pipeline);
    List<String> open = new ArrayList<>();
    pushReversed(open, pipeline.getRootTransformIdsList());
    while (!open.isEmpty()) {
      String id = open.remove(open.size() - 1);
      if (selection.seen.add(id)) {
        pushReversed(open, selection.visit(id));
      }
    }
    return selection.editor.build();
  }

  private static void pushReversed(List<String> stack, List<String> ids) {
    for (int i = ids.size() - 1; i >= 0; i--) {
      stack.add(ids.get(i));
    }
  }

  /** Takes a transform as a leaf, or returns its parts. */
  private List<String> visit(String id) {
    PTransform transform = components.getTransformsOrThrow(id);
    String urn = transform.getSpec().getUrn();
    if (TransformKinds.redistributes(urn) && keepsWindows(transform)) {
      editor.put(id, transform.toBuilder().clearEnvironmentId().build());
      return List.of();
    }
    if (urn.equals(Transforms.COMBINE_PER_KEY)
        && (transform.getSubtransformsCount() == 0
            || CombineLifting.liftable(transform, components))) {
      editor.put(id, inEnvironment(transform));
      return List.of();
    }
    if (TransformKinds.composite(transform)) {
      return transform.getSubtransformsList();
    }
    if (TransformKinds.withoutEffect(transform) || urn.equals(Transforms.CREATE_VIEW)) {
      return List.of();
    }
    boolean inRunner = TransformKinds.runnerPrimitive(urn);
    editor.put(id, inRunner ? transform.toBuilder().clearEnvironmentId().build() : transform);
    return List.of();
  }

  /** Whether a redistribution's output can be read as if it were the input. */
  private boolean keepsWindows(PTransform transform) {
    if (transform.getInputsCount() != 1 || transform.getOutputsCount() != 1) {
      return false;
    }
    WindowingStrategy before = windowing(transform.getInputsMap().values().iterator().next());
    WindowingStrategy after = windowing(transform.getOutputsMap().values().iterator().next());
    return before != null
        && after != null
        && before.getWindowFn().equals(after.getWindowFn())
        && before.getWindowCoderId().equals(after.getWindowCoderId());
  }

  private @Nullable WindowingStrategy windowing(String pcollectionId) {
    PCollection pcollection = components.getPcollectionsMap().get(pcollectionId);
    return pcollection == null
        ? null
        : components.getWindowingStrategiesMap().get(pcollection.getWindowingStrategyId());
  }

  /** Gives a composite without environment that of its first part which has one. */
  private PTransform inEnvironment(PTransform transform) {
    List<String> open = new ArrayList<>(transform.getSubtransformsList());
    String environmentId = transform.getEnvironmentId();
    while (environmentId.isEmpty() && !open.isEmpty()) {
      PTransform part = components.getTransformsMap().get(open.remove(0));
      if (part != null) {
        environmentId = part.getEnvironmentId();
        open.addAll(0, part.getSubtransformsList());
      }
    }
    return transform.toBuilder().setEnvironmentId(environmentId).build();
  }
}
