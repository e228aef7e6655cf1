package org.trestle.engine.graph;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.apache.beam.model.pipeline.v1.RunnerApi.AccumulationMode;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.CombinePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.SideInput;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.SideInputs;
import org.trestle.proto.Urns.Transforms;

/**
 * Builds pipelines for tests. Transforms and their outputs have the names given; there are coders
 * {@code bytes}, {@code varint}, {@code string}, {@code custom}, {@code kv} (string to varint) and
 * {@code kvcustom} (custom to custom) with what a grouping makes of them in {@code grouped} and
 * {@code groupedcustom}; environments {@code py} and {@code go}.
 */
public final class TestingPipeline {
  private final Pipeline.Builder pipeline = Pipeline.newBuilder();
  private final Components.Builder components = pipeline.getComponentsBuilder();

  public TestingPipeline() {
    coder("bytes", Coders.BYTES);
    coder("varint", Coders.VARINT);
    coder("string", Coders.STRING_UTF8);
    coder("custom", "beam:coder:pickled_python:v1");
    coder("kv", Coders.KV, "string", "varint");
    coder("varints", Coders.ITERABLE, "varint");
    coder("grouped", Coders.KV, "string", "varints");
    coder("kvcustom", Coders.KV, "custom", "custom");
    coder("customs", Coders.ITERABLE, "custom");
    coder("groupedcustom", Coders.KV, "custom", "customs");
    coder("global", Coders.GLOBAL_WINDOW);
    coder("interval", Coders.INTERVAL_WINDOW);
    windowing("w", "beam:window_fn:global_windows:v1", "global", Trigger.getDefaultInstance());
    environment("py", "one");
    environment("go", "two");
  }

  /** Adds or replaces a coder. */
  public TestingPipeline coder(String id, String urn, String... parts) {
    components.putCoders(
        id,
        Coder.newBuilder()
            .setSpec(FunctionSpec.newBuilder().setUrn(urn))
            .addAllComponentCoderIds(List.of(parts))
            .build());
    return this;
  }

  /** Adds or replaces a windowing strategy. */
  public TestingPipeline windowing(String id, String windowFn, String coderId, Trigger trigger) {
    components.putWindowingStrategies(
        id,
        WindowingStrategy.newBuilder()
            .setWindowFn(FunctionSpec.newBuilder().setUrn(windowFn))
            .setWindowCoderId(coderId)
            .setTrigger(trigger)
            .setAccumulationMode(AccumulationMode.Enum.DISCARDING)
            .build());
    return this;
  }

  /** Adds or replaces an environment. */
  public TestingPipeline environment(String id, String payload) {
    components.putEnvironments(
        id,
        Environment.newBuilder()
            .setUrn("beam:env:external:v1")
            .setPayload(ByteString.copyFromUtf8(payload))
            .build());
    return this;
  }

  /** Adds a PCollection in the given windows. */
  public TestingPipeline pcollection(String id, String coderId, String windowing) {
    components.putPcollections(
        id,
        PCollection.newBuilder()
            .setUniqueName(id)
            .setCoderId(coderId)
            .setWindowingStrategyId(windowing)
            .build());
    return this;
  }

  /** Makes a PCollection unbounded. */
  public TestingPipeline unbounded(String id) {
    components.putPcollections(
        id,
        components.getPcollectionsOrThrow(id).toBuilder()
            .setIsBounded(IsBounded.Enum.UNBOUNDED)
            .build());
    return this;
  }

  /** Adds a PCollection in the global window. */
  public TestingPipeline pcollection(String id, String coderId) {
    return pcollection(id, coderId, "w");
  }

  /** Adds any transform as a root. */
  public TestingPipeline transform(String id, PTransform.Builder transform) {
    components.putTransforms(id, transform.setUniqueName(id).build());
    pipeline.addRootTransformIds(id);
    return this;
  }

  /** Adds an impulse and its output of the same name. */
  public TestingPipeline impulse(String name) {
    pcollection(name, "bytes");
    return transform(name, spec(Transforms.IMPULSE).putOutputs("out", name));
  }

  /** Adds a ParDo of the {@code py} environment and its output of the same name. */
  public TestingPipeline parDo(String name, String input, String coderId) {
    return parDo(name, input, coderId, "py", payload -> payload);
  }

  /** Adds a ParDo and its output of the same name. */
  public TestingPipeline parDo(
      String name,
      String input,
      String coderId,
      String environment,
      UnaryOperator<ParDoPayload.Builder> payload) {
    pcollection(name, coderId);
    return transform(
        name,
        spec(Transforms.PAR_DO, payload.apply(ParDoPayload.newBuilder()).build().toByteString())
            .setEnvironmentId(environment)
            .putInputs("in", input)
            .putOutputs("out", name));
  }

  /** Adds a ParDo whose side inputs are iterables, named by their position. */
  public TestingPipeline parDoWithSides(
      String name, String input, String coderId, List<String> sides) {
    ParDoPayload.Builder payload = ParDoPayload.newBuilder();
    PTransform.Builder transform = PTransform.newBuilder();
    for (int i = 0; i < sides.size(); i++) {
      payload.putSideInputs("side" + i, side(SideInputs.ITERABLE));
      transform.putInputs("side" + i, sides.get(i));
    }
    pcollection(name, coderId);
    return transform(
        name,
        transform
            .setSpec(
                FunctionSpec.newBuilder()
                    .setUrn(Transforms.PAR_DO)
                    .setPayload(payload.build().toByteString()))
            .setEnvironmentId("py")
            .putInputs("in", input)
            .putOutputs("out", name));
  }

  /** A side input specification. */
  public static SideInput side(String accessPattern) {
    return SideInput.newBuilder()
        .setAccessPattern(FunctionSpec.newBuilder().setUrn(accessPattern))
        .build();
  }

  /** Adds a grouping and its output of the same name. */
  public TestingPipeline groupByKey(String name, String input, String coderId) {
    pcollection(name, coderId);
    return transform(
        name, spec(Transforms.GROUP_BY_KEY).putInputs("in", input).putOutputs("out", name));
  }

  /** Adds a flatten, as Python does with an environment, and its output of the same name. */
  public TestingPipeline flatten(String name, String coderId, String... inputs) {
    pcollection(name, coderId);
    PTransform.Builder transform =
        spec(Transforms.FLATTEN).setEnvironmentId("py").putOutputs("out", name);
    for (int i = 0; i < inputs.length; i++) {
      transform.putInputs("in" + i, inputs[i]);
    }
    return transform(name, transform);
  }

  /** Adds a redistribution without parts and its output of the same name. */
  public TestingPipeline reshuffle(String name, String input, String coderId) {
    pcollection(name, coderId);
    return transform(
        name,
        spec(Transforms.RESHUFFLE)
            .setEnvironmentId("py")
            .putInputs("in", input)
            .putOutputs("out", name));
  }

  /** Adds a combine of {@code kv} pairs, with a grouping and a ParDo as its parts. */
  public TestingPipeline combine(String name, String input) {
    pcollection(name, "kv");
    pcollection(name + "/grouped", "grouped");
    components.putTransforms(
        name + "/group",
        spec(Transforms.GROUP_BY_KEY)
            .setUniqueName(name + "/group")
            .putInputs("in", input)
            .putOutputs("out", name + "/grouped")
            .build());
    components.putTransforms(
        name + "/values",
        spec(Transforms.PAR_DO)
            .setUniqueName(name + "/values")
            .setEnvironmentId("py")
            .putInputs("in", name + "/grouped")
            .putOutputs("out", name)
            .build());
    CombinePayload payload = CombinePayload.newBuilder().setAccumulatorCoderId("custom").build();
    return transform(
        name,
        spec(Transforms.COMBINE_PER_KEY, payload.toByteString())
            .addSubtransforms(name + "/group")
            .addSubtransforms(name + "/values")
            .putInputs("in", input)
            .putOutputs("out", name));
  }

  /** Changes what has been built so far in any way. */
  public TestingPipeline edit(Consumer<Pipeline.Builder> change) {
    change.accept(pipeline);
    return this;
  }

  /** A transform of a URN without payload. */
  public static PTransform.Builder spec(String urn) {
    return spec(urn, ByteString.EMPTY);
  }

  /** A transform of a URN with a payload. */
  public static PTransform.Builder spec(String urn, ByteString payload) {
    return PTransform.newBuilder()
        .setSpec(FunctionSpec.newBuilder().setUrn(urn).setPayload(payload));
  }

  /** The transforms so far. */
  public Map<String, PTransform> transforms() {
    return components.build().getTransformsMap();
  }

  public Pipeline build() {
    return pipeline.build();
  }
}
