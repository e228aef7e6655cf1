package org.trestle.engine.fuse;

import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Transforms;

/** Says why a transform is not fused with its input, where that takes no look at the stages. */
final class BarrierReasons {
  private BarrierReasons() {}

  /** Why a transform must begin a stage that nothing else reads the input of, or null. */
  static @Nullable String ownStage(TransformNode node) {
    if (node.stateful()) {
      return "it has state or timers: its input must be partitioned by key";
    }
    if (node.urn().equals(Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS)) {
      return "restrictions are distributed before they are processed, and what is left of one"
          + " comes back here";
    }
    if (node.parDo() != null && node.parDo().getRequiresTimeSortedInput()) {
      return "it requires its input sorted by time";
    }
    if (node.parDo() != null && node.parDo().getRequiresStableInput()) {
      return "it requires stable input: the same elements in every attempt";
    }
    return null;
  }

  /** Why a consumer is not fused with a producer of another environment. */
  static String environments(Components.Builder components, String producer, String consumer) {
    Environment one =
        components.getEnvironmentsOrDefault(producer, Environment.getDefaultInstance());
    Environment other =
        components.getEnvironmentsOrDefault(consumer, Environment.getDefaultInstance());
    boolean hintsOnly =
        one.toBuilder()
            .clearResourceHints()
            .build()
            .equals(other.toBuilder().clearResourceHints().build());
    return hintsOnly
        ? "its resource hints differ from those of its input"
        : "it runs in environment \"%s\", its input is made in \"%s\""
            .formatted(consumer, producer);
  }
}
