package org.trestle.engine.execute.merge;

import static org.trestle.engine.execute.merge.ProgramParts.addWithParts;
import static org.trestle.engine.execute.merge.ProgramParts.coder;
import static org.trestle.engine.execute.merge.ProgramParts.globalWindows;
import static org.trestle.engine.execute.merge.ProgramParts.pcollection;
import static org.trestle.engine.execute.merge.ProgramParts.port;
import static org.trestle.engine.execute.merge.ProgramParts.windowed;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.trestle.proto.Urns;

/**
 * What a harness runs to map windows of a main input to those of a side input: source, {@code
 * map_windows}, sink.
 *
 * <p>The input is {@code KV<nonce, window of the main input>}, the output {@code KV<nonce, window
 * of the side input>}, both in the global window. The nonce is bytes.
 *
 * @param descriptor to be known to workers before they get a bundle
 * @param components the coders of the descriptor
 */
record MapProgram(ProcessBundleDescriptor descriptor, Components components) {
  static final String SOURCE = "map_windows_source";
  static final String SINK = "map_windows_sink";

  private static final String MAP = "map_windows";
  private static final String INPUT = "main_windows";
  private static final String OUTPUT = "mapped_windows";

  private static final String PREFIX = "map_windows:";
  private static final String NONCE_CODER = PREFIX + "nonce";
  private static final String GLOBAL_WINDOW_CODER = PREFIX + "global_window";
  private static final String INPUT_CODER = PREFIX + "input";
  private static final String OUTPUT_CODER = PREFIX + "output";
  private static final String GLOBAL_STRATEGY = PREFIX + "global";

  static String outputCoderId() {
    return OUTPUT_CODER;
  }

  static String globalWindowCoderId() {
    return GLOBAL_WINDOW_CODER;
  }

  /**
   * Makes the program of a window mapping fn.
   *
   * @param id of the descriptor
   * @param components of the pipeline, for the window coders and the environment
   * @param endpoint of the data service
   */
  static MapProgram of(
      String id,
      Components components,
      SdkWindowMapper.Mapping mapping,
      ApiServiceDescriptor endpoint) {
    ProcessBundleDescriptor.Builder descriptor =
        ProcessBundleDescriptor.newBuilder().setId(id).setStateApiServiceDescriptor(endpoint);
    addWithParts(descriptor, components, mapping.mainWindowCoderId());
    addWithParts(descriptor, components, mapping.sideWindowCoderId());
    descriptor
        .putCoders(NONCE_CODER, coder(Urns.Coders.BYTES))
        .putCoders(GLOBAL_WINDOW_CODER, coder(Urns.Coders.GLOBAL_WINDOW))
        .putCoders(INPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, mapping.mainWindowCoderId()))
        .putCoders(OUTPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, mapping.sideWindowCoderId()))
        .putCoders(
            windowed(INPUT_CODER),
            coder(Urns.Coders.WINDOWED_VALUE, INPUT_CODER, GLOBAL_WINDOW_CODER))
        .putCoders(
            windowed(OUTPUT_CODER),
            coder(Urns.Coders.WINDOWED_VALUE, OUTPUT_CODER, GLOBAL_WINDOW_CODER));
    String environment = mapping.environmentId();
    descriptor
        .putEnvironments(environment, components.getEnvironmentsOrThrow(environment))
        .putWindowingStrategies(GLOBAL_STRATEGY, globalWindows(environment, GLOBAL_WINDOW_CODER))
        .putPcollections(INPUT, pcollection(INPUT, INPUT_CODER, GLOBAL_STRATEGY))
        .putPcollections(OUTPUT, pcollection(OUTPUT, OUTPUT_CODER, GLOBAL_STRATEGY))
        .putTransforms(
            SOURCE,
            PTransform.newBuilder()
                .setUniqueName(SOURCE)
                .setSpec(port(Urns.Transforms.DATA_SOURCE, windowed(INPUT_CODER), endpoint))
                .putOutputs(INPUT, INPUT)
                .build())
        .putTransforms(
            MAP,
            PTransform.newBuilder()
                .setUniqueName(MAP)
                .setSpec(
                    FunctionSpec.newBuilder()
                        .setUrn(Urns.Transforms.MAP_WINDOWS)
                        .setPayload(mapping.function().toByteString()))
                .putInputs(INPUT, INPUT)
                .putOutputs(OUTPUT, OUTPUT)
                .setEnvironmentId(environment)
                .build())
        .putTransforms(
            SINK,
            PTransform.newBuilder()
                .setUniqueName(SINK)
                .setSpec(port(Urns.Transforms.DATA_SINK, windowed(OUTPUT_CODER), endpoint))
                .putInputs(OUTPUT, OUTPUT)
                .build());
    return new MapProgram(
        descriptor.build(),
        Components.newBuilder().putAllCoders(descriptor.getCodersMap()).build());
  }
}
