package org.trestle.job.rehearsal;

import com.google.protobuf.ByteString;
import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.AccumulationMode;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.ClosingBehavior;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.CombinePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.ExternalPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
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
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.proto.Urns;

/**
 * A pipeline of the size and shape of a small real one: an impulse, a flatten of two branches, and
 * two groupings between runs of ParDos, one with state and timers, with a coder that only the
 * harness knows. What a ParDo does is the harness's affair.
 */
final class RehearsalPipeline {
  private static final String ENVIRONMENT = "environment";
  private static final String WINDOWING = "global";
  private static final int STEPS = 4;

  private final Pipeline.Builder pipeline = Pipeline.newBuilder();
  private final Components.Builder components = pipeline.getComponentsBuilder();

  private RehearsalPipeline() {}

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
        .putEnvironments(ENVIRONMENT, environment)
        .putWindowingStrategies(
            WINDOWING,
            WindowingStrategy.newBuilder()
                .setWindowFn(function(Urns.WindowFns.GLOBAL))
                .setWindowCoderId("window")
                .setTrigger(Trigger.newBuilder().setDefault(Trigger.Default.getDefaultInstance()))
                .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                .setAccumulationMode(AccumulationMode.Enum.DISCARDING)
                .setOutputTime(OutputTime.Enum.END_OF_WINDOW)
                .setClosingBehavior(ClosingBehavior.Enum.EMIT_IF_NONEMPTY)
                .setOnTimeBehavior(OnTimeBehavior.Enum.FIRE_ALWAYS)
                .build());
    pcollection("impulse", "bytes");
    root("impulse", transform(Urns.Transforms.IMPULSE).putOutputs("out", "impulse"));
    String left = steps("make", "impulse", "pair");
    String right = steps("make more", "impulse", "pair");
    String last = steps("regroup", group("group", flatten("both", left, right)), "pair");
    steps("end", group("group again", withState("remember", last)), "own");
    return pipeline.build();
  }

  /** Adds what many pipelines have, but a harness for a rehearsal need not know. */
  private void addMore() {
    SideInput sideInput =
        SideInput.newBuilder()
            .setAccessPattern(function(Urns.SideInputs.MULTIMAP))
            .setViewFn(function("rehearsal:view_fn"))
            .setWindowMappingFn(function("rehearsal:window_mapping_fn"))
            .build();
    pcollection("enriched", "pair");
    root(
        "with side input",
        parDo(ParDoPayload.newBuilder().putSideInputs("side", sideInput).build())
            .putInputs("in", "regroup 4")
            .putInputs("side", "make 4")
            .putOutputs("out", "enriched"));
    combine("sum", withState("count", "enriched"));
    combine("sum of sums", "sum combine");
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
    pcollection(name, "pair");
    root(
        name,
        parDo(
                ParDoPayload.newBuilder()
                    .putStateSpecs("bag", bag)
                    .putTimerFamilySpecs("timers", timers)
                    .build())
            .putInputs("in", input)
            .putOutputs("out", name));
    return name;
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
  private String steps(String name, String input, String coder) {
    String last = input;
    PTransform.Builder composite = PTransform.newBuilder().putInputs("in", input);
    for (int i = 1; i <= STEPS; i++) {
      String step = name + " " + i;
      pcollection(step, coder);
      put(
          step,
          parDo(ParDoPayload.getDefaultInstance()).putInputs("in", last).putOutputs("out", step));
      composite.addSubtransforms(step);
      last = step;
    }
    root(name, composite.putOutputs("out", last));
    return last;
  }

  private String flatten(String name, String... inputs) {
    pcollection(name, "pair");
    PTransform.Builder flatten = transform(Urns.Transforms.FLATTEN).putOutputs("out", name);
    for (String input : inputs) {
      flatten.putInputs(input, input);
    }
    root(name, flatten);
    return name;
  }

  private String group(String name, String input) {
    root(name, groupByKey(name, input));
    return name;
  }

  private PTransform.Builder groupByKey(String output, String input) {
    pcollection(output, "group");
    return transform(Urns.Transforms.GROUP_BY_KEY).putInputs("in", input).putOutputs("out", output);
  }

  private void root(String id, PTransform.Builder transform) {
    put(id, transform);
    pipeline.addRootTransformIds(id);
  }

  private void put(String id, PTransform.Builder transform) {
    components.putTransforms(id, transform.setUniqueName(id).build());
  }

  private static PTransform.Builder parDo(ParDoPayload payload) {
    return transform(Urns.Transforms.PAR_DO, payload.toByteString()).setEnvironmentId(ENVIRONMENT);
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
            .setWindowingStrategyId(WINDOWING)
            .build());
  }

  private void coder(String id, String urn, String... parts) {
    components.putCoders(
        id,
        Coder.newBuilder().setSpec(function(urn)).addAllComponentCoderIds(List.of(parts)).build());
  }
}
