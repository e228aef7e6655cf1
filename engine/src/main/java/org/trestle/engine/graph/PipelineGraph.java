package org.trestle.engine.graph;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.jspecify.annotations.Nullable;

/**
 * The leaf transforms of a pipeline, in an order in which every transform comes after the producers
 * of its inputs. Among transforms that may come next, the one that the pipeline's tree names first
 * does, so the order depends on nothing else.
 */
public final class PipelineGraph {
  private final Components components;
  private final List<TransformNode> transforms;
  private final Map<PCollectionId, TransformNode> producers;
  private final Map<PCollectionId, List<TransformNode>> consumers;

  private PipelineGraph(
      Components components,
      List<TransformNode> transforms,
      Map<PCollectionId, TransformNode> producers,
      Map<PCollectionId, List<TransformNode>> consumers) {
    this.components = components;
    this.transforms = Collections.unmodifiableList(transforms);
    this.producers = producers;
    this.consumers = consumers;
  }

  /**
   * Reads a pipeline.
   *
   * @throws InvalidPipelineException if the transforms form a cycle, a transform is missing, or a
   *     PCollection has two producers
   */
  public static PipelineGraph of(Pipeline pipeline) {
    Components components = pipeline.getComponents();
    List<TransformNode> leaves = new ArrayList<>();
    for (String id : leafIds(pipeline)) {
      leaves.add(TransformNode.of(id, components.getTransformsOrThrow(id)));
    }
    Map<PCollectionId, TransformNode> producers = new HashMap<>();
    Map<PCollectionId, List<TransformNode>> consumers = new HashMap<>();
    for (TransformNode leaf : leaves) {
      for (PCollectionId output : leaf.outputs().values()) {
        TransformNode other = producers.put(output, leaf);
        if (other != null && !other.id().equals(leaf.id())) {
          throw new InvalidPipelineException(List.of(twoProducers(output, other, leaf)));
        }
      }
    }
    List<TransformNode> sorted = sort(leaves, producers);
    for (TransformNode leaf : sorted) {
      for (PCollectionId input : new LinkedHashSet<>(allInputs(leaf))) {
        consumers.computeIfAbsent(input, unused -> new ArrayList<>()).add(leaf);
      }
    }
    return new PipelineGraph(components, sorted, producers, consumers);
  }

  /** Says that a PCollection has two producers. */
  static String twoProducers(PCollectionId id, TransformNode one, TransformNode other) {
    return "PCollection \"%s\" is an output of two transforms, \"%s\" and \"%s\""
        .formatted(id, one.name(), other.name());
  }

  /** The ids of the leaf transforms in the order of the pipeline's tree, each once. */
  static List<String> leafIds(Pipeline pipeline) {
    Set<String> seen = new LinkedHashSet<>();
    List<String> leaves = new ArrayList<>();
    List<String> open = new ArrayList<>();
    pushReversed(open, pipeline.getRootTransformIdsList());
    while (!open.isEmpty()) {
      String id = open.remove(open.size() - 1);
      PTransform transform = pipeline.getComponents().getTransformsMap().get(id);
      if (transform == null) {
        throw new InvalidPipelineException(
            List.of("transform \"%s\" is named as part of the pipeline but missing".formatted(id)));
      }
      if (seen.add(id)) {
        if (TransformKinds.composite(transform)) {
          pushReversed(open, transform.getSubtransformsList());
        } else if (!TransformKinds.withoutEffect(transform)) {
          leaves.add(id);
        }
      }
    }
    return leaves;
  }

  private static void pushReversed(List<String> stack, List<String> ids) {
    for (int i = ids.size() - 1; i >= 0; i--) {
      stack.add(ids.get(i));
    }
  }

  private static List<PCollectionId> allInputs(TransformNode leaf) {
    List<PCollectionId> inputs = new ArrayList<>(leaf.mainInputs().values());
    inputs.addAll(leaf.sideInputs().values());
    return inputs;
  }

  private static List<TransformNode> sort(
      List<TransformNode> leaves, Map<PCollectionId, TransformNode> producers) {
    Map<TransformId, Integer> position = new HashMap<>();
    for (int i = 0; i < leaves.size(); i++) {
      position.put(leaves.get(i).id(), i);
    }
    int[] waiting = new int[leaves.size()];
    List<List<Integer>> followers = new ArrayList<>();
    leaves.forEach(leaf -> followers.add(new ArrayList<>()));
    PriorityQueue<Integer> ready = new PriorityQueue<>();
    for (int i = 0; i < leaves.size(); i++) {
      for (PCollectionId input : allInputs(leaves.get(i))) {
        TransformNode producer = producers.get(input);
        if (producer != null) {
          waiting[i]++;
          followers.get(position.getOrDefault(producer.id(), i)).add(i);
        }
      }
      if (waiting[i] == 0) {
        ready.add(i);
      }
    }
    List<TransformNode> sorted = new ArrayList<>(leaves.size());
    for (Integer next = ready.poll(); next != null; next = ready.poll()) {
      sorted.add(leaves.get(next));
      for (int follower : followers.get(next)) {
        if (--waiting[follower] == 0) {
          ready.add(follower);
        }
      }
    }
    if (sorted.size() < leaves.size()) {
      throw new InvalidPipelineException(List.of(cycle(leaves, waiting)));
    }
    return sorted;
  }

  private static String cycle(List<TransformNode> leaves, int[] waiting) {
    Set<String> names = new LinkedHashSet<>();
    for (int i = 0; i < waiting.length; i++) {
      if (waiting[i] > 0 && names.size() < 5) {
        names.add('"' + leaves.get(i).name() + '"');
      }
    }
    return "transforms wait for their own outputs in a cycle: " + String.join(", ", names);
  }

  /** The components that the graph was read from. */
  public Components components() {
    return components;
  }

  /** The leaf transforms in topological order. */
  public List<TransformNode> transforms() {
    return transforms;
  }

  /** The leaf that has the PCollection as an output, or null. */
  public @Nullable TransformNode producer(PCollectionId id) {
    return producers.get(id);
  }

  /** The leaves that have the PCollection as main or side input, in topological order. */
  public List<TransformNode> consumers(PCollectionId id) {
    return Collections.unmodifiableList(consumers.getOrDefault(id, List.of()));
  }

  /** A PCollection's proto. */
  public PCollection pcollection(PCollectionId id) {
    PCollection pcollection = components.getPcollectionsMap().get(id.value());
    if (pcollection == null) {
      throw new InvalidPipelineException(List.of("PCollection \"%s\" is missing".formatted(id)));
    }
    return pcollection;
  }

  /** The windowing strategy of a PCollection. */
  public WindowingStrategy windowing(PCollectionId id) {
    String strategyId = pcollection(id).getWindowingStrategyId();
    WindowingStrategy strategy = components.getWindowingStrategiesMap().get(strategyId);
    if (strategy == null) {
      throw new InvalidPipelineException(
          List.of(
              "PCollection \"%s\" has the windowing strategy \"%s\", which is missing"
                  .formatted(id, strategyId)));
    }
    return strategy;
  }

  /** The transforms' names by id, in topological order. */
  public Map<TransformId, String> names() {
    Map<TransformId, String> names = new LinkedHashMap<>();
    transforms.forEach(transform -> names.put(transform.id(), transform.name()));
    return names;
  }
}
