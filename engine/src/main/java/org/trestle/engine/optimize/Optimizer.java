package org.trestle.engine.optimize;

import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;

/** Rewrites a valid pipeline into an equivalent one of leaf transforms, ready to be fused. */
public final class Optimizer {
  private Optimizer() {}

  /**
   * Applies all passes.
   *
   * @return a pipeline whose transforms are all roots, none of them a composite
   */
  public static Pipeline optimize(Pipeline pipeline) {
    Pipeline leaves = LeafSelection.apply(pipeline);
    Pipeline merged = EnvironmentMerging.apply(leaves);
    Pipeline lifted = CombineLifting.apply(merged);
    Pipeline expanded = SplittableExpansion.apply(lifted);
    return DeadBranches.apply(FlattenMerging.apply(ImpulseSharing.apply(expanded)));
  }
}
