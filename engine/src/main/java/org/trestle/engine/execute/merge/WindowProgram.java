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
 * What a harness runs to answer a question about windows: a source, the SDK's function, a sink.
 *
 * <p>The input is {@code KV<nonce, question>}, the output {@code KV<nonce, answer>}, both in the
 * global window. The nonce is bytes.
 *
 * @param descriptor to be known to workers before they get a bundle
 * @param components the coders of the descriptor
 */
record WindowProgram(ProcessBundleDescriptor descriptor, Components components) {
  static final String SOURCE = "windows_source";
  static final String SINK = "windows_sink";

  private static final String FUNCTION = "windows_fn";
  private static final String INPUT = "questions";
  private static final String OUTPUT = "answers";

  private static final String PREFIX = "windows:";
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
   * Maps windows of a main input to those of a side input: a question is the one, an answer the
   * other.
   *
   * @param components of the pipeline, for the window coders and the environment
   * @param endpoint of the data service
   */
  static WindowProgram mapping(
      Components components, SdkWindowMapper.Mapping mapping, ApiServiceDescriptor endpoint) {
    ProcessBundleDescriptor.Builder descriptor =
        ProcessBundleDescriptor.newBuilder().setId(mapping.id());
    addWithParts(descriptor, components, mapping.mainWindowCoderId());
    addWithParts(descriptor, components, mapping.sideWindowCoderId());
    descriptor
        .putCoders(INPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, mapping.mainWindowCoderId()))
        .putCoders(OUTPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, mapping.sideWindowCoderId()));
    FunctionSpec function =
        FunctionSpec.newBuilder()
            .setUrn(Urns.Transforms.MAP_WINDOWS)
            .setPayload(mapping.function().toByteString())
            .build();
    return complete(descriptor, components, mapping.environmentId(), function, endpoint);
  }

  /**
   * Merges windows: a question is {@code Iterable<window>}, an answer {@code KV<Iterable<window
   * left alone>, Iterable<KV<new window, Iterable<window it replaces>>>>}.
   *
   * @param id of the descriptor
   * @param components of the pipeline, for the strategy's window coder and environment
   * @param endpoint of the data service
   */
  static WindowProgram merging(
      String id, Components components, WindowingStrategy strategy, ApiServiceDescriptor endpoint) {
    ProcessBundleDescriptor.Builder descriptor = ProcessBundleDescriptor.newBuilder().setId(id);
    String window = strategy.getWindowCoderId();
    String windows = PREFIX + "windows";
    String merged = PREFIX + "merged";
    String allMerged = PREFIX + "all_merged";
    String answer = PREFIX + "answer";
    addWithParts(descriptor, components, window);
    descriptor
        .putCoders(windows, coder(Urns.Coders.ITERABLE, window))
        .putCoders(INPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, windows))
        .putCoders(merged, coder(Urns.Coders.KV, window, windows))
        .putCoders(allMerged, coder(Urns.Coders.ITERABLE, merged))
        .putCoders(answer, coder(Urns.Coders.KV, windows, allMerged))
        .putCoders(OUTPUT_CODER, coder(Urns.Coders.KV, NONCE_CODER, answer));
    FunctionSpec function =
        FunctionSpec.newBuilder()
            .setUrn(Urns.Transforms.MERGE_WINDOWS)
            .setPayload(PickledWindowFn.readable(strategy.getWindowFn()).toByteString())
            .build();
    return complete(descriptor, components, strategy.getEnvironmentId(), function, endpoint);
  }

  /** Adds what all programs have to a descriptor with the coders of the input and the output. */
  private static WindowProgram complete(
      ProcessBundleDescriptor.Builder descriptor,
      Components components,
      String environment,
      FunctionSpec function,
      ApiServiceDescriptor endpoint) {
    if (components.containsEnvironments(environment)) {
      descriptor.putEnvironments(environment, components.getEnvironmentsOrThrow(environment));
    }
    descriptor
        .setStateApiServiceDescriptor(endpoint)
        .putCoders(NONCE_CODER, coder(Urns.Coders.BYTES))
        .putCoders(GLOBAL_WINDOW_CODER, coder(Urns.Coders.GLOBAL_WINDOW))
        .putCoders(
            windowed(INPUT_CODER),
            coder(Urns.Coders.WINDOWED_VALUE, INPUT_CODER, GLOBAL_WINDOW_CODER))
        .putCoders(
            windowed(OUTPUT_CODER),
            coder(Urns.Coders.WINDOWED_VALUE, OUTPUT_CODER, GLOBAL_WINDOW_CODER))
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
            FUNCTION,
            PTransform.newBuilder()
                .setUniqueName(FUNCTION)
                .setSpec(function)
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
    return new WindowProgram(
        descriptor.build(),
        Components.newBuilder().putAllCoders(descriptor.getCodersMap()).build());
  }
}
