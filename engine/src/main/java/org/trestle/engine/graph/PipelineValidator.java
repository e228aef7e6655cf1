package org.trestle.engine.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardRequirements;
import org.trestle.proto.Urns;

/**
 * Checks a pipeline as a client sent it. Only what the root transforms reach is looked at: what no
 * transform uses may be broken.
 */
public final class PipelineValidator {
  private static final Set<String> REQUIREMENTS =
      Urns.allOf(StandardRequirements.Enum.getDescriptor());

  private final Pipeline pipeline;
  private final Set<String> problems = new LinkedHashSet<>();
  private final List<TransformNode> leaves = new ArrayList<>();

  private PipelineValidator(Pipeline pipeline) {
    this.pipeline = pipeline;
  }

  /**
   * Finds everything that keeps a pipeline from being planned.
   *
   * @return a sentence for each problem, naming what it is about; empty if there is none
   */
  public static List<String> problems(Pipeline pipeline) {
    PipelineValidator validator = new PipelineValidator(pipeline);
    validator.checkRequirements();
    validator.walk();
    ComponentChecks components = new ComponentChecks(pipeline.getComponents(), validator.problems);
    validator.leaves.forEach(components::check);
    validator.checkProducers();
    if (validator.problems.isEmpty()) {
      validator.checkOrder();
    }
    return List.copyOf(validator.problems);
  }

  private void checkRequirements() {
    for (String requirement : pipeline.getRequirementsList()) {
      if (!REQUIREMENTS.contains(requirement)) {
        problems.add(
            "the pipeline has the requirement \"%s\", which is not known".formatted(requirement));
      }
    }
    if (pipeline.getRootTransformIdsCount() == 0) {
      problems.add("the pipeline has no root transforms");
    }
  }

  /** Collects the leaves; finds parts that are missing or contain themselves. */
  private void walk() {
    Set<String> finished = new HashSet<>();
    Set<String> path = new LinkedHashSet<>();
    List<String> open = new ArrayList<>();
    for (String root : pipeline.getRootTransformIdsList()) {
      visit(root, "a root of the pipeline", open, path, finished);
      while (!open.isEmpty()) {
        String id = open.get(open.size() - 1);
        if (path.contains(id)) {
          open.remove(open.size() - 1);
          path.remove(id);
          finished.add(id);
        } else if (finished.contains(id)) {
          open.remove(open.size() - 1);
        } else {
          path.add(id);
          PTransform transform = pipeline.getComponents().getTransformsOrThrow(id);
          String owner = "a part of \"%s\"".formatted(transform.getUniqueName());
          if (TransformKinds.composite(transform)) {
            List<String> parts = transform.getSubtransformsList();
            for (int i = parts.size() - 1; i >= 0; i--) {
              visit(parts.get(i), owner, open, path, finished);
            }
          } else {
            readLeaf(id, transform);
          }
        }
      }
    }
  }

  private void visit(
      String id, String role, List<String> open, Set<String> path, Set<String> finished) {
    if (!pipeline.getComponents().containsTransforms(id)) {
      problems.add("transform \"%s\" is %s but missing".formatted(id, role));
    } else if (path.contains(id)) {
      problems.add("transform \"%s\" contains itself".formatted(id));
    } else if (!finished.contains(id)) {
      open.add(id);
    }
  }

  private void readLeaf(String id, PTransform transform) {
    if (!TransformKinds.withoutEffect(transform)) {
      try {
        leaves.add(TransformNode.of(id, transform));
      } catch (InvalidPipelineException e) {
        problems.addAll(e.problems());
      }
    }
  }

  private void checkProducers() {
    Map<PCollectionId, TransformNode> producers = new HashMap<>();
    for (TransformNode leaf : leaves) {
      for (PCollectionId output : leaf.outputs().values()) {
        TransformNode other = producers.putIfAbsent(output, leaf);
        if (other != null && !other.id().equals(leaf.id())) {
          problems.add(PipelineGraph.twoProducers(output, other, leaf));
        }
      }
    }
    for (TransformNode leaf : leaves) {
      Map<String, PCollectionId> inputs = new LinkedHashMap<>(leaf.mainInputs());
      inputs.putAll(leaf.sideInputs());
      inputs.forEach(
          (name, id) -> {
            if (!producers.containsKey(id)
                && pipeline.getComponents().containsPcollections(id.value())) {
              problems.add(
                  "transform \"%s\" reads PCollection \"%s\", which no transform produces"
                      .formatted(leaf.name(), id));
            }
          });
    }
  }

  private void checkOrder() {
    try {
      PipelineGraph.of(pipeline);
    } catch (InvalidPipelineException e) {
      problems.addAll(e.problems());
    }
  }
}
