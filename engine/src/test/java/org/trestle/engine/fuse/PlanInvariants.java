package org.trestle.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RemoteGrpcPort;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;
import org.trestle.proto.Urns.Transforms;

/** What is true of every plan. */
final class PlanInvariants {
  private PlanInvariants() {}

  static void check(FusedPipeline plan) {
    Set<TransformId> placed = new HashSet<>();
    Set<PCollectionId> written = new HashSet<>();
    Map<PCollectionId, Integer> writers = new HashMap<>();
    for (Edge edge : plan.edges().values()) {
      if (edge.producers().isEmpty()) {
        written.add(edge.id());
      }
      assertThat(edge.consumers().size() + edge.sideInputConsumers().size()).isPositive();
      assertThat(edge.producers()).doesNotHaveDuplicates();
      assertThat(edge.producers().size()).isLessThanOrEqualTo(Fuser.MOST_COPIES);
      writers.put(edge.id(), edge.producers().size());
    }
    for (Stage stage : plan.stages()) {
      assertThat(stage.inputs()).isNotEmpty();
      assertThat(written).as("inputs of %s come first", stage.id()).containsAll(stage.inputs());
      assertThat(plan.edges().keySet()).containsAll(stage.inputs()).containsAll(stage.outputs());
      assertSameFormat(plan, stage.inputs());
      if (stage instanceof SdkStage sdkStage) {
        checkSdkStage(plan, sdkStage, placed, written);
      } else if (stage instanceof GroupByKeyStage grouping) {
        assertThat(placed.add(grouping.transform())).isTrue();
      } else if (stage instanceof SortByTimeStage sorting) {
        assertThat(placed.add(sorting.transform())).isTrue();
      }
      for (PCollectionId output : stage.outputs()) {
        if (writers.merge(output, -1, Integer::sum) == 0) {
          written.add(output);
        }
      }
    }
    assertThat(written).isEqualTo(plan.edges().keySet());
  }

  private static void assertSameFormat(FusedPipeline plan, List<PCollectionId> inputs) {
    assertThat(inputs.stream().map(id -> plan.edge(id).windowedCoderId()).distinct()).hasSize(1);
  }

  private static void checkSdkStage(
      FusedPipeline plan, SdkStage stage, Set<TransformId> placed, Set<PCollectionId> written) {
    assertThat(stage.transforms()).doesNotHaveDuplicates();
    boolean alone = stage.keyed() || stage.traits().splittable() || stage.traits().stableInput();
    for (TransformId transform : stage.transforms()) {
      PTransform proto = plan.components().getTransformsOrThrow(transform.value());
      boolean first = placed.add(transform);
      if (alone && transform.equals(stage.transforms().get(0))) {
        assertThat(first).as("%s is in one stage", transform).isTrue();
      }
      assertThat(proto.getEnvironmentId()).isEqualTo(stage.environmentId());
    }
    for (SideInput side : stage.sideInputs()) {
      assertThat(written)
          .as("side inputs of %s come before it", stage.id())
          .containsAll(side.edges());
    }
    checkDescriptor(stage);
    for (var sink : stage.sinks().entrySet()) {
      PTransform proto = stage.descriptor().getTransformsOrThrow(sink.getKey());
      assertThat(port(proto).getCoderId()).isEqualTo(plan.edge(sink.getValue()).windowedCoderId());
    }
    PTransform source = stage.descriptor().getTransformsOrThrow(stage.sourceTransformId());
    assertThat(port(source).getCoderId())
        .isEqualTo(plan.edge(stage.inputs().get(0)).windowedCoderId());
  }

  /** Checks that everything a descriptor refers to is in it. */
  private static void checkDescriptor(SdkStage stage) {
    ProcessBundleDescriptor descriptor = stage.descriptor();
    assertThat(descriptor.getTransformsCount())
        .isEqualTo(stage.transforms().size() + 1 + stage.sinks().size());
    Set<String> coders = descriptor.getCodersMap().keySet();
    Set<String> produced = new HashSet<>();
    for (PTransform transform : descriptor.getTransformsMap().values()) {
      assertThat(descriptor.getPcollectionsMap().keySet())
          .containsAll(transform.getInputsMap().values())
          .containsAll(transform.getOutputsMap().values());
      produced.addAll(transform.getOutputsMap().values());
      String urn = transform.getSpec().getUrn();
      if (urn.equals(Transforms.DATA_SOURCE) || urn.equals(Transforms.DATA_SINK)) {
        assertThat(coders).contains(port(transform).getCoderId());
      }
    }
    Set<String> sides = new HashSet<>();
    stage.sideInputs().forEach(side -> sides.add(side.pcollection().value()));
    for (var pcollection : descriptor.getPcollectionsMap().entrySet()) {
      assertThat(produced.contains(pcollection.getKey()) || sides.contains(pcollection.getKey()))
          .as("%s has a producer in %s", pcollection.getKey(), stage.id())
          .isTrue();
      assertThat(coders).contains(pcollection.getValue().getCoderId());
      assertThat(descriptor.getWindowingStrategiesMap())
          .containsKey(pcollection.getValue().getWindowingStrategyId());
    }
    for (WindowingStrategy strategy : descriptor.getWindowingStrategiesMap().values()) {
      assertThat(coders).contains(strategy.getWindowCoderId());
    }
    for (Coder coder : new ArrayList<>(descriptor.getCodersMap().values())) {
      assertThat(coders).containsAll(coder.getComponentCoderIdsList());
    }
    assertThat(descriptor.getEnvironmentsMap()).containsKey(stage.environmentId());
  }

  private static RemoteGrpcPort port(PTransform transform) {
    try {
      return RemoteGrpcPort.parseFrom(transform.getSpec().getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError("the payload of a source or sink is a port", e);
    }
  }
}
