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
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.proto.Urns;

/**
 * What a harness runs to merge windows: source, {@code merge_windows}, sink.
 *
 * <p>The input is {@code KV<nonce, Iterable<window>>}, the output {@code KV<nonce,
 * KV<Iterable<window left alone>, Iterable<KV<new window, Iterable<window it replaces>>>>>}, both
 * in the global window. The nonce is bytes.
 *
 * @param descriptor to be known to workers before they get a bundle
 * @param components the coders of the descriptor
 */
record MergeProgram(ProcessBundleDescriptor descriptor, Components components) {
  static final String SOURCE = "merge_windows_source";
  static final String SINK = "merge_windows_sink";

  private static final String MERGE = "merge_windows";
  private static final String INPUT = "window_sets";
  private static final String OUTPUT = "merged_windows";

  private static final String PREFIX = "merge_windows:";
  private static final String NONCE_CODER = PREFIX + "nonce";
  private static final String GLOBAL_WINDOW_CODER = PREFIX + "global_window";
  private static final String WINDOWS_CODER = PREFIX + "windows";
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
   * Makes the program of a windowing strategy.
   *
   * @param id of the descriptor
   * @param components of the pipeline, for the strategy's window coder and environment
   * @param endpoint of the data service
   */
  static MergeProgram of(
      String id, Components components, WindowingStrategy strategy, ApiServiceDescriptor endpoint) {
    ProcessBundleDescriptor.Builder descriptor =
        ProcessBundleDescriptor.newBuilder().setId(id).setStateApiServiceDescriptor(endpoint);
    addCoders(descriptor, components, strategy.getWindowCoderId());
    String environment = strategy.getEnvironmentId();
    if (components.containsEnvironments(environment)) {
      descriptor.putEnvironments(environment, components.getEnvironmentsOrThrow(environment));
    }
    descriptor
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
            MERGE,
            PTransform.newBuilder()
                .setUniqueName(MERGE)
                .setSpec(
                    FunctionSpec.newBuilder()
                        .setUrn(Urns.Transforms.MERGE_WINDOWS)
                        .setPayload(
                            PickledWindowFn.readable(strategy.getWindowFn()).toByteString()))
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
    return new MergeProgram(
        descriptor.build(),
        Components.newBuilder().putAllCoders(descriptor.getCodersMap()).build());
  }

  private static void addCoders(
      ProcessBundleDescriptor.Builder descriptor, Components components, String window) {
    addWithParts(descriptor, components, window);
    String merged = PREFIX + "merged";
    String allMerged = PREFIX + "all_merged";
    String result = PREFIX + "result";
    descriptor
        .putCoders(NONCE_CODER, coder(Urns.Coders.BYTES))
        .putCoders(GLOBAL_WINDOW_CODER, coder(Urns.Coders.GLOBAL_WINDOW))
        .putCoders(WINDOWS_CODER, coder(Urns.Coders.ITERABLE, window))
        .putCoders(INPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, WINDOWS_CODER))
        .putCoders(merged, coder(Urns.Coders.KV, window, WINDOWS_CODER))
        .putCoders(allMerged, coder(Urns.Coders.ITERABLE, merged))
        .putCoders(result, coder(Urns.Coders.KV, WINDOWS_CODER, allMerged))
        .putCoders(OUTPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, result))
        .putCoders(
            windowed(INPUT_CODER),
            coder(Urns.Coders.WINDOWED_VALUE, INPUT_CODER, GLOBAL_WINDOW_CODER))
        .putCoders(
            windowed(OUTPUT_CODER),
            coder(Urns.Coders.WINDOWED_VALUE, OUTPUT_CODER, GLOBAL_WINDOW_CODER));
  }
}
