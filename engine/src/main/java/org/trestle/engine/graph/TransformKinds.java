package org.trestle.engine.graph;

import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.trestle.proto.Urns.Transforms;

/** Who executes which kind of transform. */
public final class TransformKinds {
  private static final Set<String> REDISTRIBUTIONS =
      Set.of(
          Transforms.RESHUFFLE,
          Transforms.REDISTRIBUTE_BY_KEY,
          Transforms.REDISTRIBUTE_ARBITRARILY);

  private static final Set<String> RUNNER_PRIMITIVES =
      Set.of(
          Transforms.IMPULSE, Transforms.FLATTEN, Transforms.GROUP_BY_KEY, Transforms.TEST_STREAM);

  private static final Set<String> SDK_PRIMITIVES =
      Set.of(
          Transforms.PAR_DO,
          Transforms.ASSIGN_WINDOWS,
          Transforms.MAP_WINDOWS,
          Transforms.MERGE_WINDOWS,
          Transforms.TO_STRING,
          Transforms.COMBINE_PER_KEY_PRECOMBINE,
          Transforms.COMBINE_PER_KEY_MERGE_ACCUMULATORS,
          Transforms.COMBINE_PER_KEY_EXTRACT_OUTPUTS,
          Transforms.COMBINE_PER_KEY_CONVERT_TO_ACCUMULATORS,
          Transforms.COMBINE_GROUPED_VALUES,
          Transforms.PAIR_WITH_RESTRICTION,
          Transforms.SPLIT_AND_SIZE_RESTRICTIONS,
          Transforms.TRUNCATE_SIZED_RESTRICTION,
          Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS);

  private TransformKinds() {}

  /** Whether the URN stands for a barrier that keeps elements as they are. */
  public static boolean redistributes(String urn) {
    return REDISTRIBUTIONS.contains(urn);
  }

  /** Whether the runner executes transforms of this URN. */
  public static boolean runnerPrimitive(String urn) {
    return RUNNER_PRIMITIVES.contains(urn);
  }

  /** Whether the URN is one that every SDK harness executes. */
  public static boolean sdkPrimitive(String urn) {
    return SDK_PRIMITIVES.contains(urn);
  }

  /**
   * Whether a transform is a composite: it only stands for its parts. A primitive that has parts is
   * still a primitive, except for grouped values, which Python expands.
   */
  public static boolean composite(PTransform transform) {
    String urn = transform.getSpec().getUrn();
    return transform.getSubtransformsCount() > 0
        && !runnerPrimitive(urn)
        && (!sdkPrimitive(urn) || urn.equals(Transforms.COMBINE_GROUPED_VALUES));
  }

  /** Whether a transform has no parts and gives out nothing but its inputs. */
  public static boolean withoutEffect(PTransform transform) {
    String urn = transform.getSpec().getUrn();
    return transform.getSubtransformsCount() == 0
        && !runnerPrimitive(urn)
        && !sdkPrimitive(urn)
        && transform.getInputsMap().values().containsAll(transform.getOutputsMap().values());
  }
}
