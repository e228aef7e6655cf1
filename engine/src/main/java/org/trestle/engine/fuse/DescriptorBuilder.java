package org.trestle.engine.fuse;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RemoteGrpcPort;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.CombinePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformKinds;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Collects a process bundle descriptor: the transforms of a stage and all that they refer to, no
 * more. PCollections that the runner sees have their wire coders, the others those of the SDK.
 */
final class DescriptorBuilder {
  private final Components.Builder components;
  private final WireCoderTable coders;
  private final ApiServiceDescriptor endpoint;
  private final ProcessBundleDescriptor.Builder descriptor = ProcessBundleDescriptor.newBuilder();
  private final Set<String> coderIds = new LinkedHashSet<>();

  DescriptorBuilder(
      Components.Builder components, WireCoderTable coders, ApiServiceDescriptor endpoint) {
    this.components = components;
    this.coders = coders;
    this.endpoint = endpoint;
  }

  void addSource(String id, PCollectionId source, String windowedCoderId) {
    coderIds.add(windowedCoderId);
    descriptor.putTransforms(
        id,
        PTransform.newBuilder()
            .setUniqueName(id)
            .setSpec(port(Transforms.DATA_SOURCE, windowedCoderId))
            .putOutputs("i0", source.value())
            .build());
  }

  void addSink(String id, PCollectionId edge, String windowedCoderId) {
    coderIds.add(windowedCoderId);
    descriptor.putTransforms(
        id,
        PTransform.newBuilder()
            .setUniqueName(id)
            .setSpec(port(Transforms.DATA_SINK, windowedCoderId))
            .putInputs("i0", edge.value())
            .build());
  }

  private FunctionSpec port(String urn, String coderId) {
    RemoteGrpcPort port =
        RemoteGrpcPort.newBuilder().setApiServiceDescriptor(endpoint).setCoderId(coderId).build();
    return FunctionSpec.newBuilder().setUrn(urn).setPayload(port.toByteString()).build();
  }

  /** Adds a transform whose timers are those given, by family. */
  void addTransform(TransformNode node, Map<String, TimerFamily> timers) {
    PTransform.Builder transform = node.proto().toBuilder();
    ParDoPayload parDo = node.parDo();
    if (parDo != null) {
      ParDoPayload.Builder payload = parDo.toBuilder();
      for (TimerFamily timer : timers.values()) {
        TimerFamilySpec.Builder spec =
            parDo.getTimerFamilySpecsOrThrow(timer.familyId()).toBuilder();
        payload.putTimerFamilySpecs(
            timer.familyId(), spec.setTimerFamilyCoderId(timer.timerCoderId()).build());
      }
      parDo.getStateSpecsMap().forEach((id, spec) -> payload.putStateSpecs(id, onTheWire(spec)));
      if (!timers.isEmpty() || parDo.getStateSpecsCount() > 0) {
        transform.getSpecBuilder().setPayload(payload.build().toByteString());
      }
      addCodersOf(payload.build());
    } else if (!TransformKinds.sdkPrimitive(node.urn()) && !node.urn().equals(Transforms.FLATTEN)) {
      // The payload may name any coder.
      coderIds.addAll(components.getCodersMap().keySet());
    } else {
      addAccumulatorCoder(node);
    }
    descriptor.putTransforms(node.id().value(), transform.build());
  }

  /**
   * The state as the harness must write it. The values of an ordered list are length-prefixed, by
   * the harness itself in some SDKs, by the coder they are given in others. Those of a multimap
   * come in the wire coder, as the runner has to find where each one ends.
   */
  private StateSpec onTheWire(StateSpec spec) {
    StateSpec.Builder written = spec.toBuilder();
    String value = spec.getMultimapSpec().getValueCoderId();
    if (components.containsCoders(value)) {
      written.getMultimapSpecBuilder().setValueCoderId(coders.wire(value));
    }
    String element = spec.getOrderedListSpec().getElementCoderId();
    if (components.containsCoders(element)
        && !coders.coder(element).getSpec().getUrn().equals(Coders.LENGTH_PREFIX)) {
      written
          .getOrderedListSpecBuilder()
          .setElementCoderId(coders.of(Coders.LENGTH_PREFIX, element));
    }
    return written.build();
  }

  private void addCodersOf(ParDoPayload parDo) {
    addIfNamed(parDo.getRestrictionCoderId());
    parDo
        .getTimerFamilySpecsMap()
        .values()
        .forEach(spec -> addIfNamed(spec.getTimerFamilyCoderId()));
    parDo
        .getStateSpecsMap()
        .values()
        .forEach(spec -> TransformNode.codersOf(spec).forEach(this::addIfNamed));
  }

  private void addAccumulatorCoder(TransformNode node) {
    if (node.urn().startsWith("beam:transform:combine_")) {
      try {
        CombinePayload payload = CombinePayload.parseFrom(node.proto().getSpec().getPayload());
        addIfNamed(payload.getAccumulatorCoderId());
      } catch (InvalidProtocolBufferException e) {
        coderIds.addAll(components.getCodersMap().keySet());
      }
    }
  }

  private void addIfNamed(String coderId) {
    if (components.containsCoders(coderId)) {
      coderIds.add(coderId);
    }
  }

  /** Adds a PCollection with its windowing strategy. */
  void addPCollection(PCollectionId id, boolean crossesStages) {
    if (descriptor.containsPcollections(id.value())) {
      return;
    }
    PCollection original = components.getPcollectionsOrThrow(id.value());
    String coderId = crossesStages ? coders.wire(original.getCoderId()) : original.getCoderId();
    coderIds.add(coderId);
    descriptor.putPcollections(id.value(), original.toBuilder().setCoderId(coderId).build());
    String strategyId = original.getWindowingStrategyId();
    if (!descriptor.containsWindowingStrategies(strategyId)) {
      WindowingStrategy strategy = components.getWindowingStrategiesOrThrow(strategyId);
      descriptor.putWindowingStrategies(strategyId, strategy);
      coderIds.add(strategy.getWindowCoderId());
      addEnvironment(strategy.getEnvironmentId());
    }
  }

  void addEnvironment(String environmentId) {
    if (components.containsEnvironments(environmentId)) {
      descriptor.putEnvironments(environmentId, components.getEnvironmentsOrThrow(environmentId));
    }
  }

  /** Finishes the descriptor. */
  ProcessBundleDescriptor build(String id, boolean withTimers) {
    Deque<String> open = new ArrayDeque<>(coderIds);
    while (!open.isEmpty()) {
      String coderId = open.remove();
      if (!descriptor.containsCoders(coderId) && components.containsCoders(coderId)) {
        Coder coder = components.getCodersOrThrow(coderId);
        descriptor.putCoders(coderId, coder);
        open.addAll(coder.getComponentCoderIdsList());
      }
    }
    // Python's harness opens the state channel of every descriptor, with or without state.
    descriptor.setStateApiServiceDescriptor(endpoint);
    if (withTimers) {
      descriptor.setTimerApiServiceDescriptor(endpoint);
    }
    return descriptor.setId(id).build();
  }
}
