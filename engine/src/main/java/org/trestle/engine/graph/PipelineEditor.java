package org.trestle.engine.graph;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;

/**
 * Builds a changed copy of a pipeline whose transforms are all roots: a list of leaf transforms,
 * and components to which passes add. The result has no transform that is not in the list.
 */
public final class PipelineEditor {
  private final Pipeline original;
  private final Components.Builder components;
  private final Map<String, PTransform> leaves = new LinkedHashMap<>();

  public PipelineEditor(Pipeline original) {
    this.original = original;
    this.components = original.getComponents().toBuilder().clearTransforms();
  }

  /** The original's root transforms, which are its leaves, in order. */
  public static Map<String, PTransform> leavesOf(Pipeline pipeline) {
    Map<String, PTransform> leaves = new LinkedHashMap<>();
    for (String id : pipeline.getRootTransformIdsList()) {
      leaves.put(id, pipeline.getComponents().getTransformsOrThrow(id));
    }
    return leaves;
  }

  /** Puts a transform behind those put before. */
  public void put(String id, PTransform transform) {
    leaves.put(id, transform.toBuilder().clearSubtransforms().build());
  }

  /** Puts a new transform; its id is made of {@code proposedId}. */
  public String add(String proposedId, PTransform transform) {
    String id = proposedId;
    for (int i = 2;
        leaves.containsKey(id) || original.getComponents().containsTransforms(id);
        i++) {
      id = proposedId + "_" + i;
    }
    put(id, transform);
    return id;
  }

  /** Adds a PCollection; returns its id, made of {@code proposedId}. */
  public String addPCollection(String proposedId, PCollection pcollection) {
    String id = proposedId;
    for (int i = 2; components.containsPcollections(id); i++) {
      id = proposedId + "_" + i;
    }
    components.putPcollections(id, pcollection);
    return id;
  }

  /** Adds a coder over components, or finds the one added before under the same name. */
  public String coder(String urn, String... componentIds) {
    Coder coder =
        Coder.newBuilder()
            .setSpec(FunctionSpec.newBuilder().setUrn(urn))
            .addAllComponentCoderIds(List.of(componentIds))
            .build();
    String name = urn.replaceFirst("^beam:coder:", "").replaceFirst(":v\\d+$", "");
    String proposedId =
        componentIds.length == 0 ? name : name + "_" + String.join("_", componentIds);
    String id = proposedId;
    for (int i = 2; components.containsCoders(id); i++) {
      if (components.getCodersOrThrow(id).equals(coder)) {
        return id;
      }
      id = proposedId + "_" + i;
    }
    components.putCoders(id, coder);
    return id;
  }

  /** The components so far, without transforms. */
  public Components.Builder components() {
    return components;
  }

  /** The changed pipeline. */
  public Pipeline build() {
    return original.toBuilder()
        .setComponents(components.clone().putAllTransforms(leaves))
        .clearRootTransformIds()
        .addAllRootTransformIds(new ArrayList<>(leaves.keySet()))
        .build();
  }
}
