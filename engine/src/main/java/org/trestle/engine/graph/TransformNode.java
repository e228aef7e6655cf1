package org.trestle.engine.graph;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.jspecify.annotations.Nullable;
import org.trestle.proto.Urns.Transforms;

/**
 * A transform of a pipeline, with its payload read.
 *
 * @param parDo the payload of a ParDo or of a part of a splittable ParDo, else null
 * @param mainInputs the inputs that are no side inputs, by local name
 * @param sideInputs by local name
 * @param outputs by local name
 */
public record TransformNode(
    TransformId id,
    PTransform proto,
    @Nullable ParDoPayload parDo,
    SortedMap<String, PCollectionId> mainInputs,
    SortedMap<String, PCollectionId> sideInputs,
    SortedMap<String, PCollectionId> outputs) {

  private static final Set<String> WITH_PAR_DO_PAYLOAD =
      Set.of(
          Transforms.PAR_DO,
          Transforms.PAIR_WITH_RESTRICTION,
          Transforms.SPLIT_AND_SIZE_RESTRICTIONS,
          Transforms.TRUNCATE_SIZED_RESTRICTION,
          Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS);

  /**
   * Reads a transform.
   *
   * @throws InvalidPipelineException if it is a ParDo whose payload does not parse
   */
  public static TransformNode of(String id, PTransform proto) {
    ParDoPayload parDo = null;
    if (WITH_PAR_DO_PAYLOAD.contains(proto.getSpec().getUrn())) {
      try {
        parDo = ParDoPayload.parseFrom(proto.getSpec().getPayload());
      } catch (InvalidProtocolBufferException e) {
        throw new InvalidPipelineException(
            List.of(
                "transform \"%s\" has a ParDo payload that does not parse: %s"
                    .formatted(proto.getUniqueName(), e.getMessage())));
      }
    }
    SortedMap<String, PCollectionId> mainInputs = new TreeMap<>();
    SortedMap<String, PCollectionId> sideInputs = new TreeMap<>();
    for (Map.Entry<String, String> input : proto.getInputsMap().entrySet()) {
      boolean side = parDo != null && parDo.containsSideInputs(input.getKey());
      (side ? sideInputs : mainInputs).put(input.getKey(), new PCollectionId(input.getValue()));
    }
    SortedMap<String, PCollectionId> outputs = new TreeMap<>();
    proto.getOutputsMap().forEach((name, output) -> outputs.put(name, new PCollectionId(output)));
    return new TransformNode(
        new TransformId(id),
        proto,
        parDo,
        Collections.unmodifiableSortedMap(mainInputs),
        Collections.unmodifiableSortedMap(sideInputs),
        Collections.unmodifiableSortedMap(outputs));
  }

  /** What kind of transform it is. */
  public String urn() {
    return proto.getSpec().getUrn();
  }

  /** The name that people know it by. */
  public String name() {
    return proto.getUniqueName();
  }

  /** Environment it runs in; empty if the runner executes it. */
  public String environmentId() {
    return proto.getEnvironmentId();
  }

  /** The only main input. */
  public PCollectionId mainInput() {
    if (mainInputs.size() != 1) {
      throw new InvalidPipelineException(
          List.of(
              "transform \"%s\" has %d main inputs where one is needed"
                  .formatted(name(), mainInputs.size())));
    }
    return mainInputs.values().iterator().next();
  }

  /** The only output. */
  public PCollectionId output() {
    if (outputs.size() != 1) {
      throw new InvalidPipelineException(
          List.of(
              "transform \"%s\" has %d outputs where one is needed"
                  .formatted(name(), outputs.size())));
    }
    return outputs.values().iterator().next();
  }

  /** Whether it is a ParDo with state or timers. */
  public boolean stateful() {
    return parDo != null
        && urn().equals(Transforms.PAR_DO)
        && (parDo.getStateSpecsCount() > 0 || parDo.getTimerFamilySpecsCount() > 0);
  }

  /** The ids of the coders that a state specification names. */
  public static List<String> codersOf(StateSpec spec) {
    return switch (spec.getSpecCase()) {
      case READ_MODIFY_WRITE_SPEC -> List.of(spec.getReadModifyWriteSpec().getCoderId());
      case BAG_SPEC -> List.of(spec.getBagSpec().getElementCoderId());
      case COMBINING_SPEC -> List.of(spec.getCombiningSpec().getAccumulatorCoderId());
      case MAP_SPEC ->
          List.of(spec.getMapSpec().getKeyCoderId(), spec.getMapSpec().getValueCoderId());
      case SET_SPEC -> List.of(spec.getSetSpec().getElementCoderId());
      case ORDERED_LIST_SPEC -> List.of(spec.getOrderedListSpec().getElementCoderId());
      case MULTIMAP_SPEC ->
          List.of(spec.getMultimapSpec().getKeyCoderId(), spec.getMultimapSpec().getValueCoderId());
      case SPEC_NOT_SET -> List.of();
    };
  }
}
