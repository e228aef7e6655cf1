package org.trestle.engine.fuse;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.PipelineGraph;
import org.trestle.engine.graph.PipelineValidator;
import org.trestle.engine.graph.TransformNode;
import org.trestle.engine.optimize.Optimizer;

/** Turns a pipeline as a client sent it into stages. */
public final class Planner {
  private Planner() {}

  /**
   * Checks, optimises and fuses a pipeline.
   *
   * @param endpoint where harnesses reach the data and state services
   * @throws InvalidPipelineException if the pipeline cannot be planned
   */
  public static FusedPipeline plan(Pipeline pipeline, ApiServiceDescriptor endpoint) {
    List<String> problems = PipelineValidator.problems(pipeline);
    if (!problems.isEmpty()) {
      throw new InvalidPipelineException(problems);
    }
    return fuse(CoderAgreement.apply(Optimizer.optimize(pipeline)), endpoint);
  }

  /**
   * Finds everything that keeps a pipeline from being planned.
   *
   * @return a sentence for each problem, naming what it is about; empty if it can be planned
   */
  public static List<String> problems(Pipeline pipeline) {
    try {
      plan(pipeline, ApiServiceDescriptor.getDefaultInstance());
      return List.of();
    } catch (InvalidPipelineException e) {
      return e.problems();
    }
  }

  private static FusedPipeline fuse(Pipeline pipeline, ApiServiceDescriptor endpoint) {
    Components.Builder components = pipeline.getComponents().toBuilder();
    WireCoderTable coders = new WireCoderTable(components);
    Fuser fusion = new Fuser(PipelineGraph.of(pipeline), components, coders);
    fusion.fuse();
    Map<PCollectionId, String> paged = new PagedIterables(fusion, components, coders).wireCoders();
    StageBuilder builder = new StageBuilder(fusion, components, coders, paged, endpoint);
    List<Stage> stages = builder.stages();
    Map<PCollectionId, Edge> edges = builder.edges(stages);
    return new FusedPipeline(
        withAddedTransforms(components, fusion),
        stages,
        edges,
        fusion.testStreams(),
        fusion.barriers());
  }

  private static Components withAddedTransforms(Components.Builder components, Fuser fusion) {
    Map<String, PTransform> added = new LinkedHashMap<>();
    for (StageDraft draft : fusion.drafts()) {
      for (TransformNode node : draft.transforms) {
        String id = node.id().value();
        // A stage may have a flatten of only some of the inputs.
        PTransform whole =
            components.containsTransforms(id) ? components.getTransformsOrThrow(id) : node.proto();
        added.put(id, whole.toBuilder().setEnvironmentId(node.environmentId()).build());
      }
    }
    return components.putAllTransforms(added).build();
  }
}
