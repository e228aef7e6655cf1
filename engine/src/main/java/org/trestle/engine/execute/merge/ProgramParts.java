package org.trestle.engine.execute.merge;

import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RemoteGrpcPort;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.AccumulationMode;
import org.apache.beam.model.pipeline.v1.RunnerApi.ClosingBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.OnTimeBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.OutputTime;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.proto.Urns;

/** What the programs of helper bundles are made of. */
final class ProgramParts {
  private ProgramParts() {}

  static void addWithParts(
      ProcessBundleDescriptor.Builder descriptor, Components components, String coderId) {
    Coder coder = components.getCodersMap().get(coderId);
    if (coder != null && !descriptor.containsCoders(coderId)) {
      descriptor.putCoders(coderId, coder);
      coder.getComponentCoderIdsList().forEach(part -> addWithParts(descriptor, components, part));
    }
  }

  static String windowed(String coderId) {
    return coderId + "_windowed";
  }

  static Coder coder(String urn, String... components) {
    return Coder.newBuilder()
        .setSpec(FunctionSpec.newBuilder().setUrn(urn))
        .addAllComponentCoderIds(List.of(components))
        .build();
  }

  static PCollection pcollection(String name, String coderId, String strategyId) {
    return PCollection.newBuilder()
        .setUniqueName(name)
        .setCoderId(coderId)
        .setWindowingStrategyId(strategyId)
        .build();
  }

  static FunctionSpec port(String urn, String coderId, ApiServiceDescriptor endpoint) {
    RemoteGrpcPort port =
        RemoteGrpcPort.newBuilder().setApiServiceDescriptor(endpoint).setCoderId(coderId).build();
    return FunctionSpec.newBuilder().setUrn(urn).setPayload(port.toByteString()).build();
  }

  static WindowingStrategy globalWindows(String environment, String windowCoderId) {
    return WindowingStrategy.newBuilder()
        .setWindowFn(FunctionSpec.newBuilder().setUrn(Urns.WindowFns.GLOBAL))
        .setMergeStatus(MergeStatus.Enum.NON_MERGING)
        .setWindowCoderId(windowCoderId)
        .setTrigger(Trigger.newBuilder().setDefault(Trigger.Default.getDefaultInstance()))
        .setAccumulationMode(AccumulationMode.Enum.DISCARDING)
        .setOutputTime(OutputTime.Enum.END_OF_WINDOW)
        .setClosingBehavior(ClosingBehavior.Enum.EMIT_IF_NONEMPTY)
        .setOnTimeBehavior(OnTimeBehavior.Enum.FIRE_ALWAYS)
        .setEnvironmentId(environment)
        .build();
  }
}
