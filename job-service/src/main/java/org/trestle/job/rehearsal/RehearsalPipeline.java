package org.trestle.job.rehearsal;

import com.google.protobuf.ByteString;
import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.AccumulationMode;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.ClosingBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.CombinePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.DisplayData;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.ExternalPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.OnTimeBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.OutputTime;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.SideInput;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimeDomain;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowIntoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.proto.Urns;

/**
 * A pipeline of the size and shape of a small real one: an impulse, a flatten of two branches, and
 * two groupings between runs of ParDos, one with state and timers, one with a side input, with a
 * coder that only the harness knows. What a ParDo does is the harness's affair. Names, payloads,
 * display data, annotations and options are as SDKs write them: code compiled for protos without
 * them is thrown away at the first that has them.
 */
final class RehearsalPipeline {
  private static final String ENVIRONMENT = "environment";
  private static final String WINDOWING = "global";
  private static final int STEPS = 4;

  /** What a serialized function of a user takes. */
  private static final ByteString FUNCTION = ByteString.copyFrom(new byte[1_000]);

  private static final DisplayData DISPLAY_DATA =
      DisplayData.newBuilder()
          .setUrn(Urns.DisplayData.LABELLED)
          .setPayload(ByteString.copyFrom(new byte[100]))
          .build();

  private static final List<String> CAPABILITIES =
      List.of(
          Urns.Coders.BYTES,
          Urns.Coders.KV,
          Urns.Coders.ITERABLE,
          Urns.Coders.STATE_BACKED_ITERABLE,
          Urns.Coders.LENGTH_PREFIX,
          Urns.Coders.WINDOWED_VALUE,
          Urns.Coders.TIMER,
          Urns.Coders.GLOBAL_WINDOW);

  private static final int OPTIONS = 60;

  private final Pipeline.Builder pipeline = Pipeline.newBuilder();
  private final Components.Builder components = pipeline.getComponentsBuilder();

  private RehearsalPipeline() {}

  /** Options as SDKs send them: all they know, most with the value they have by default. */
  static Struct options() {
    Struct.Builder options = Struct.newBuilder();
    for (int i = 0; i < OPTIONS; i++) {
      Value.Builder value = Value.newBuilder();
      switch (i % 5) {
        case 0 -> value.setBoolValue(false);
        case 1 -> value.setStringValue("made \"up\"");
        case 2 -> value.setStringValue("");
        case 3 -> value.setNumberValue(i);
        default ->
            value.setListValue(
                ListValue.newBuilder().addValues(Value.newBuilder().setStringValue("made up")));
      }
      options.putFields("beam:option:rehearsal_" + i + ":v1", value.build());
    }
    return options.build();
  }

  /** Builds the pipeline for workers of a pool. */
  static Pipeline of(String poolAddress) {
    return new RehearsalPipeline()
        .build(
            Environment.newBuilder()
                .setUrn(Urns.Environments.EXTERNAL)
                .setPayload(
                    ExternalPayload.newBuilder()
                        .setEndpoint(ApiServiceDescriptor.newBuilder().setUrl(poolAddress))
                        .build()
                        .toByteString())
                .build());
  }

  /** Builds a pipeline that is planned, and then refused: it names no environment to be had. */
  static Pipeline toPlan() {
    RehearsalPipeline planned = new RehearsalPipeline();
    planned.addMore();
    return planned.build(Environment.newBuilder().setUrn(Urns.Environments.DEFAULT).build());
  }

  private Pipeline build(Environment environment) {
    coder("bytes", Urns.Coders.BYTES);
    coder("own", "rehearsal:coder:own");
    coder("pair", Urns.Coders.KV, "bytes", "own");
    coder("many", Urns.Coders.ITERABLE, "own");
    coder("group", Urns.Coders.KV, "bytes", "many");
    coder("window", Urns.Coders.GLOBAL_WINDOW);
    coder("timer", Urns.Coders.TIMER, "bytes", "window");
    components
        .putEnvironments(
            ENVIRONMENT, environment.toBuilder().addAllCapabilities(CAPABILITIES).build())
        .putWindowingStrategies(
            WINDOWING,
            WindowingStrategy.newBuilder()
                .setWindowFn(function(Urns.WindowFns.GLOBAL))
                .setWindowCoderId("window")
                .setEnvironmentId(ENVIRONMENT)
                .setTrigger(Trigger.newBuilder().setDefault(Trigger.Default.getDefaultInstance()))
                .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                .setAccumulationMode(AccumulationMode.Enum.DISCARDING)
                .setOutputTime(OutputTime.Enum.END_OF_WINDOW)
                .setClosingBehavior(ClosingBehavior.Enum.EMIT_IF_NONEMPTY)
                .setOnTimeBehavior(OnTimeBehavior.Enum.FIRE_ALWAYS)
                .build());
    String impulse = impulse("impulse");
    String left = steps("make", impulse);
    String right = steps("make more", impulse);
    String last = steps("regroup", group("group", flatten("both", left, right)));
    String end = steps("end", group("group again", withState("remember", last)));
    // Equal impulses become one.
    withSideInput("look", Urns.SideInputs.ITERABLE, impulse("other impulse"), end);
    return pipeline.build();
  }

  /** Adds what many pipelines have, but a harness for a rehearsal need not know. */
  private void addMore() {
    ParDoPayload.Builder splittable = ParDoPayload.newBuilder().setRestrictionCoderId("own");
    String read = pairs("read", parDo(splittable).putInputs("in", "other impulse"));
    WindowIntoPayload global =
        WindowIntoPayload.newBuilder().setWindowFn(function(Urns.WindowFns.GLOBAL)).build();
    String windowed =
        pairs(
            "window",
            transform(Urns.Transforms.ASSIGN_WINDOWS, global.toByteString())
                .setEnvironmentId(ENVIRONMENT)
                .putInputs("in", read));
    combine("count", redistribute("reshuffle", windowed));
    String enriched = withSideInput("enrich", Urns.SideInputs.MULTIMAP, "regroup 4", "make 4");
    combine("sum", withState("remember more", enriched));
    combine("sum of sums", "sum combine");
  }

  private String withSideInput(String name, String pattern, String input, String side) {
    SideInput sideInput =
        SideInput.newBuilder()
            .setAccessPattern(function(pattern))
            .setViewFn(function("rehearsal:view_fn").setPayload(FUNCTION))
            .setWindowMappingFn(function("rehearsal:window_mapping_fn").setPayload(FUNCTION))
            .build();
    return pairs(
        name,
        parDo(ParDoPayload.newBuilder().putSideInputs("side", sideInput))
            .putInputs("in", input)
            .putInputs("side", side));
  }

  private String withState(String name, String input) {
    StateSpec bag =
        StateSpec.newBuilder()
            .setBagSpec(BagStateSpec.newBuilder().setElementCoderId("own"))
            .setProtocol(function(Urns.UserState.BAG))
            .build();
    TimerFamilySpec timers =
        TimerFamilySpec.newBuilder()
            .setTimeDomain(TimeDomain.Enum.EVENT_TIME)
            .setTimerFamilyCoderId("timer")
            .build();
    return pairs(
        name,
        parDo(
                ParDoPayload.newBuilder()
                    .putStateSpecs("bag", bag)
                    .putTimerFamilySpecs("timers", timers))
            .putInputs("in", input));
  }

  /** Adds a combine with the composites in which SDKs wrap it. */
  private void combine(String name, String input) {
    String groups = name + " group";
    String sums = name + " combine";
    CombinePayload payload =
        CombinePayload.newBuilder()
            .setCombineFn(function("rehearsal:combine_fn"))
            .setAccumulatorCoderId("own")
            .build();
    put(groups, groupByKey(groups, input));
    pcollection(sums, "pair");
    put(
        sums,
        transform(Urns.Transforms.COMBINE_GROUPED_VALUES, payload.toByteString())
            .setEnvironmentId(ENVIRONMENT)
            .putInputs("in", groups)
            .putOutputs("out", sums));
    String perKey = name + " per key";
    put(
        perKey,
        transform(Urns.Transforms.COMBINE_PER_KEY, payload.toByteString())
            .setEnvironmentId(ENVIRONMENT)
            .addSubtransforms(groups)
            .addSubtransforms(sums)
            .putInputs("in", input)
            .putOutputs("out", sums));
    root(
        name,
        PTransform.newBuilder()
            .addSubtransforms(perKey)
            .putInputs("in", input)
            .putOutputs("out", sums));
  }

  /** Adds ParDos one after the other; returns the last one's output. */
  private String steps(String name, String input) {
    String last = input;
    PTransform.Builder composite = PTransform.newBuilder().putInputs("in", input);
    for (int i = 1; i <= STEPS; i++) {
      String step = name + " " + i;
      pcollection(step, "pair");
      put(step, parDo(ParDoPayload.newBuilder()).putInputs("in", last).putOutputs("out", step));
      composite.addSubtransforms(step);
      last = step;
    }
    root(name, composite.putOutputs("out", last));
    return last;
  }

  private String flatten(String name, String... inputs) {
    PTransform.Builder flatten = transform(Urns.Transforms.FLATTEN);
    for (String input : inputs) {
      flatten.putInputs(input, input);
    }
    return pairs(name, flatten);
  }

  /** Adds a reshuffle around the grouping of which it can be made. */
  private String redistribute(String name, String input) {
    String groups = name + " group";
    put(groups, groupByKey(groups, input));
    String ungroup = name + " ungroup";
    put(ungroup, parDo(ParDoPayload.newBuilder()).putInputs("in", groups).putOutputs("out", name));
    return pairs(
        name,
        transform(Urns.Transforms.RESHUFFLE)
            .addSubtransforms(groups)
            .addSubtransforms(ungroup)
            .putInputs("in", input));
  }

  private String group(String name, String input) {
    root(name, groupByKey(name, input));
    return name;
  }

  private PTransform.Builder groupByKey(String output, String input) {
    pcollection(output, "group");
    return transform(Urns.Transforms.GROUP_BY_KEY).putInputs("in", input).putOutputs("out", output);
  }

  private String impulse(String name) {
    pcollection(name, "bytes");
    root(name, transform(Urns.Transforms.IMPULSE).putOutputs("out", name));
    return name;
  }

  /** Adds a transform with an output of pairs, which has its name; returns that. */
  private String pairs(String name, PTransform.Builder transform) {
    pcollection(name, "pair");
    root(name, transform.putOutputs("out", name));
    return name;
  }

  private void root(String id, PTransform.Builder transform) {
    put(id, transform);
    pipeline.addRootTransformIds(id);
  }

  private void put(String id, PTransform.Builder transform) {
    components.putTransforms(
        id,
        transform
            .setUniqueName("Rehearsal/" + id + "/Step(<made up for " + id + ">)")
            .addDisplayData(DISPLAY_DATA)
            .addDisplayData(DISPLAY_DATA)
            .putAnnotations("rehearsal_type", ByteString.copyFromUtf8(id))
            .build());
  }

  private static PTransform.Builder parDo(ParDoPayload.Builder payload) {
    return transform(
            Urns.Transforms.PAR_DO,
            payload
                .setDoFn(function("rehearsal:do_fn").setPayload(FUNCTION))
                .build()
                .toByteString())
        .setEnvironmentId(ENVIRONMENT);
  }

  private static PTransform.Builder transform(String urn) {
    return transform(urn, ByteString.EMPTY);
  }

  private static PTransform.Builder transform(String urn, ByteString payload) {
    return PTransform.newBuilder().setSpec(function(urn).setPayload(payload));
  }

  private static FunctionSpec.Builder function(String urn) {
    return FunctionSpec.newBuilder().setUrn(urn);
  }

  private void pcollection(String id, String coder) {
    components.putPcollections(
        id,
        PCollection.newBuilder()
            .setUniqueName(id)
            .setCoderId(coder)
            .setIsBounded(IsBounded.Enum.BOUNDED)
            .setWindowingStrategyId(WINDOWING)
            .build());
  }

  private void coder(String id, String urn, String... parts) {
    components.putCoders(
        id,
        Coder.newBuilder().setSpec(function(urn)).addAllComponentCoderIds(List.of(parts)).build());
  }
}
