package org.trestle.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.PipelineGraph;
import org.trestle.engine.graph.TransformKinds;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Transforms;

/**
 * Runs pipelines and plans on sums instead of elements, to see that the same elements reach the
 * same transforms.
 *
 * <p>An element stands for the path it took, and is the product of the factors of the transforms on
 * it; a PCollection is the sum of its elements. Impulses are 1, a transform multiplies by a factor
 * of its own, a flatten adds, and a redistribution changes nothing. Factors are random numbers, so
 * two PCollections with the same sum hold the same paths, each the same number of times.
 */
final class PathSums {
  private PathSums() {}

  /** Checks that each user transform and side input gets in the plan what it gets as written. */
  static void assertSame(Pipeline pipeline, FusedPipeline plan) {
    Map<String, Long> expected = ofPipeline(pipeline);
    Map<PCollectionId, Long> edges = new HashMap<>();
    Map<String, Long> inputs = new HashMap<>();
    plan.edges().values().forEach(edge -> edges.put(edge.id(), edge.impulse() ? 1L : 0L));
    for (Stage stage : plan.stages()) {
      if (stage instanceof SdkStage sdkStage) {
        run(sdkStage, edges, inputs);
        for (SideInput side : sdkStage.sideInputs()) {
          assertThat(sum(side.edges(), edges))
              .as("side input %s of %s", side.pcollection(), side.transform())
              .isEqualTo(expected.get(side.pcollection().value()));
        }
      } else if (stage instanceof GroupByKeyStage grouping) {
        long grouped = sum(grouping.inputs(), edges) * factor(grouping.transform().value());
        edges.merge(grouping.output(), grouped, Long::sum);
      }
    }
    PipelineGraph graph = PipelineGraph.of(pipeline);
    for (TransformNode node : graph.transforms()) {
      if (node.urn().equals(Transforms.PAR_DO)) {
        assertThat(inputs)
            .as("what %s gets", node.name())
            .containsEntry(node.id().value(), expected.get(node.mainInput().value()));
      }
    }
  }

  private static Map<String, Long> ofPipeline(Pipeline pipeline) {
    Map<String, Long> sums = new HashMap<>();
    for (TransformNode node : PipelineGraph.of(pipeline).transforms()) {
      long sum = node.urn().equals(Transforms.IMPULSE) ? 1 : 0;
      for (PCollectionId input : node.mainInputs().values()) {
        sum += sums.getOrDefault(input.value(), 0L);
      }
      boolean changes =
          !node.urn().equals(Transforms.IMPULSE)
              && !node.urn().equals(Transforms.FLATTEN)
              && !TransformKinds.redistributes(node.urn());
      sums.put(node.output().value(), changes ? sum * factor(node.id().value()) : sum);
    }
    return sums;
  }

  private static void run(
      SdkStage stage, Map<PCollectionId, Long> edges, Map<String, Long> inputs) {
    Map<String, Long> sums = new HashMap<>();
    List<String> open = new ArrayList<>(stage.descriptor().getTransformsMap().keySet());
    while (!open.isEmpty()) {
      int before = open.size();
      open.removeIf(id -> runIfReady(stage, id, sums, edges, inputs));
      assertThat(open).as("transforms of %s that wait", stage.id()).hasSizeLessThan(before);
    }
  }

  private static boolean runIfReady(
      SdkStage stage,
      String id,
      Map<String, Long> sums,
      Map<PCollectionId, Long> edges,
      Map<String, Long> inputs) {
    PTransform transform = stage.descriptor().getTransformsOrThrow(id);
    TransformNode node = TransformNode.of(id, transform);
    if (!node.mainInputs().values().stream().allMatch(in -> sums.containsKey(in.value()))) {
      return false;
    }
    long sum =
        node.mainInputs().values().stream()
            .mapToLong(in -> sums.getOrDefault(in.value(), 0L))
            .sum();
    if (node.urn().equals(Transforms.DATA_SOURCE)) {
      sums.put(node.output().value(), PathSums.sum(stage.inputs(), edges));
    } else if (node.urn().equals(Transforms.DATA_SINK)) {
      edges.merge(stage.sinks().get(id), sum, Long::sum);
    } else if (node.urn().equals(Transforms.FLATTEN)) {
      sums.put(node.output().value(), sum);
    } else {
      inputs.merge(id, sum, Long::sum);
      sums.put(node.output().value(), sum * factor(id));
    }
    return true;
  }

  private static long sum(List<PCollectionId> ids, Map<PCollectionId, Long> edges) {
    return ids.stream().mapToLong(id -> edges.getOrDefault(id, 0L)).sum();
  }

  /** Odd, so that no product is zero. */
  private static long factor(String transformId) {
    return new Random(transformId.hashCode()).nextLong() | 1;
  }
}
