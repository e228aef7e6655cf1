package org.trestle.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.MultimapStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimeDomain;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.junit.jupiter.api.Test;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TestingPipeline;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.SideInputs;
import org.trestle.proto.Urns.Transforms;
import org.trestle.proto.Urns.UserState;

class PlannerTest {
  private static final ApiServiceDescriptor ENDPOINT =
      ApiServiceDescriptor.newBuilder().setUrl("localhost:1").build();

  private static FusedPipeline plan(TestingPipeline pipeline) {
    FusedPipeline plan = Planner.plan(pipeline.build(), ENDPOINT);
    PlanInvariants.check(plan);
    return plan;
  }

  private static void check(String golden, TestingPipeline pipeline) {
    Golden.check(golden, PlanText.explain(plan(pipeline)));
  }

  private static TestingPipeline base() {
    return new TestingPipeline().impulse("i").parDo("a", "i", "kv");
  }

  @Test
  void fusesProducersConsumersAndSiblings() {
    check(
        "chain-and-siblings",
        base()
            .parDo("b", "a", "varint")
            .parDo("c", "a", "custom")
            .groupByKey("g", "a", "grouped")
            .parDo("d", "g", "varint")
            .parDo("e", "g", "varint")
            .parDo("f", "i", "varint"));
  }

  @Test
  void liftsCombines() {
    check("lifted-combine", base().combine("sum", "a").parDo("b", "sum", "varint"));
  }

  @Test
  void doesNotLiftUnderATriggerThatCountsElements() {
    Trigger everyThree =
        Trigger.newBuilder()
            .setRepeat(
                Trigger.Repeat.newBuilder()
                    .setSubtrigger(
                        Trigger.newBuilder()
                            .setElementCount(Trigger.ElementCount.newBuilder().setElementCount(3))))
            .build();
    check(
        "combine-with-count-trigger",
        base()
            .windowing("counted", "beam:window_fn:global_windows:v1", "global", everyThree)
            .parDo("c", "a", "kv")
            .pcollection("c", "kv", "counted")
            .unbounded("c")
            .combine("sum", "c"));
  }

  @Test
  void redistributesWithoutCost() {
    check(
        "reshuffle",
        base()
            .reshuffle("r", "a", "kv")
            .reshuffle("rr", "r", "kv")
            .parDo("b", "rr", "varint")
            .parDo("c", "r", "varint")
            .parDo("d", "a", "varint"));
  }

  @Test
  void transcodesWhereARedistributionChangesCoders() {
    check(
        "reshuffle-with-transcoding",
        base().reshuffle("r", "a", "custom").parDo("b", "r", "varint"));
  }

  @Test
  void transcodesWhereAGroupingChangesCoders() {
    check(
        "grouping-with-transcoding",
        base()
            .groupByKey("g", "a", "groupedcustom")
            .parDo("b", "g", "varint")
            .groupByKey("h", "a", "custom")
            .parDo("c", "h", "varint"));
  }

  /** Lets the environment read values of groups from state. */
  private static TestingPipeline paging(TestingPipeline pipeline, String environment) {
    return pipeline.edit(
        edited -> {
          Environment known = edited.getComponents().getEnvironmentsOrThrow(environment);
          edited
              .getComponentsBuilder()
              .putEnvironments(
                  environment,
                  known.toBuilder().addCapabilities(Coders.STATE_BACKED_ITERABLE).build());
        });
  }

  private static Edge edge(FusedPipeline plan, String id) {
    return plan.edge(new PCollectionId(id));
  }

  private static String valuesCoder(SdkStage stage, String coderId) {
    String values = stage.descriptor().getCodersOrThrow(coderId).getComponentCoderIds(1);
    return stage.descriptor().getCodersOrThrow(values).getSpec().getUrn();
  }

  @Test
  void groupsArePagedWhereAllTheirReadersCan() {
    TestingPipeline pipeline =
        base()
            .groupByKey("g", "a", "grouped")
            .parDo("b", "g", "grouped")
            .reshuffle("r", "b", "grouped");
    assertThat(edge(plan(pipeline.parDo("c", "r", "varint")), "g").paged()).isFalse();

    FusedPipeline plan = plan(paging(pipeline, "py"));

    assertThat(edge(plan, "g").paged()).isTrue();
    assertThat(edge(plan, "b").paged()).as("written by an SDK").isFalse();
    String consumer = edge(plan, "g").consumers().get(0);
    SdkStage reader =
        plan.stages().stream()
            .filter(stage -> stage.id().equals(consumer))
            .map(SdkStage.class::cast)
            .findFirst()
            .orElseThrow();
    assertThat(valuesCoder(reader, edge(plan, "g").wireCoderId()))
        .isEqualTo(Coders.STATE_BACKED_ITERABLE);
    assertThat(reader.descriptor().containsCoders(edge(plan, "g").windowedCoderId())).isTrue();
    String within = reader.descriptor().getPcollectionsOrThrow("g").getCoderId();
    assertThat(valuesCoder(reader, within))
        .as("Java's harness knows the other one only at its data source")
        .isEqualTo(Coders.ITERABLE);
  }

  @Test
  void groupsAreWholeForReadersOfAnotherKind() {
    TestingPipeline alias =
        base()
            .groupByKey("g", "a", "grouped")
            .reshuffle("r", "g", "grouped")
            .parDo("b", "r", "varint");
    assertThat(edge(plan(paging(alias, "py")), "g").paged()).isFalse();

    TestingPipeline sideInput =
        base()
            .groupByKey("g", "a", "grouped")
            .parDo("b", "g", "varint")
            .parDoWithSides("c", "i", "varint", List.of("g"));
    assertThat(edge(plan(paging(sideInput, "py")), "g").paged()).isFalse();

    TestingPipeline otherEnvironment =
        base()
            .groupByKey("g", "a", "grouped")
            .parDo("b", "g", "varint")
            .parDo("c", "g", "varint", "go", payload -> payload);
    assertThat(edge(plan(paging(otherEnvironment, "py")), "g").paged()).isFalse();
  }

  @Test
  void flattensWithinAStage() {
    check(
        "flatten-in-one-stage",
        base().parDo("b", "i", "varint").flatten("f", "custom", "a", "b").parDo("c", "f", "kv"));
  }

  @Test
  void flattensAcrossStages() {
    check(
        "flatten-across-stages",
        base()
            .impulse("j")
            .parDo("b", "j", "varint")
            .groupByKey("g", "a", "grouped")
            .flatten("same", "grouped", "g", "g")
            .parDo("s", "same", "varint")
            .flatten("mixed", "varint", "a", "b", "g")
            .parDo("m", "mixed", "varint")
            .flatten("none", "kv")
            .parDo("n", "none", "kv"));
  }

  /** Two stages, "a" and "b", whose outputs are flattened to "f". */
  private static TestingPipeline flattened() {
    return base()
        .reshuffle("r", "a", "kv")
        .parDo("b", "r", "kvcustom")
        .flatten("f", "kv", "a", "b", "a");
  }

  private static void checkUnzipped(String golden, TestingPipeline pipeline) {
    check(golden, pipeline);
    PathSums.assertSame(pipeline.build(), plan(pipeline));
  }

  @Test
  void unzipsFlattens() {
    checkUnzipped(
        "flatten-unzipped",
        flattened()
            .parDo("c", "f", "kv")
            .groupByKey("g", "c", "grouped")
            .parDo("d", "f", "kv")
            .flatten("again", "kv", "c", "d")
            .parDoWithSides("e", "again", "kv", List.of("f"))
            .parDo("go", "f", "kv", "go", payload -> payload));
  }

  @Test
  void unzipsBeforeLiftedCombines() {
    check("flatten-unzipped-combine", flattened().combine("sum", "f").parDo("e", "sum", "kv"));
  }

  @Test
  void readsInputsThatNothingCanBeFusedWithInOneMoreStage() {
    checkUnzipped(
        "flatten-unzipped-with-rest",
        flattened()
            .groupByKey("g", "f", "grouped")
            .parDo("other", "a", "kv", "go", payload -> payload)
            .flatten("mixed", "grouped", "a", "g", "other", "i")
            .parDo("d", "mixed", "kv"));
  }

  @Test
  void saysWhyAFlattenIsNotUnzipped() {
    TestingPipeline pipeline =
        flattened()
            .groupByKey("g", "f", "grouped")
            .parDoWithSides("side", "b", "kv", List.of("a"))
            .parDo("state", "f", "kv", "py", PlannerTest::withStateAndTimer)
            .flatten("h", "kv", "a", "b")
            .parDoWithSides("cycle", "h", "kv", List.of("a"))
            .flatten("j", "kv", "a", "g")
            .parDo("joined", "j", "kv")
            .groupByKey("k", "j", "grouped")
            .flatten("l", "kv", "a", "b")
            .parDo("foreign", "l", "kv", "go", payload -> payload);
    for (int i = 0; i < Fuser.MOST_COPIES; i++) {
      pipeline.reshuffle("r" + i, "a", "kv").parDo("b" + i, "r" + i, "kv");
    }
    pipeline
        .flatten("m", "kv", "a", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")
        .parDo("many", "m", "kv");
    checkUnzipped("flatten-not-unzipped", pipeline);
  }

  @Test
  void mergesFlattensOfFlattens() {
    checkUnzipped(
        "flatten-of-flatten",
        flattened()
            .flatten("ff", "kv", "f", "b", "i")
            .parDo("c", "ff", "kv")
            .flatten("x", "kv", "a", "c")
            .flatten("y", "kv", "x", "x")
            .groupByKey("d", "y", "grouped"));
  }

  @Test
  void keepsSideInputsOutOfTheStagesThatMakeThem() {
    check(
        "side-inputs",
        base()
            .impulse("j")
            .parDo("other", "j", "varint")
            .parDo("b", "a", "varint")
            .groupByKey("g", "a", "grouped")
            .parDo("c", "g", "varint")
            .parDoWithSides("fused", "b", "kv", List.of("other"))
            .parDoWithSides("own", "a", "kv", List.of("b"))
            .parDoWithSides("later", "a", "kv", List.of("c"))
            .parDoWithSides("crossing", "other", "kv", List.of("a")));
  }

  @Test
  void givesStatefulTransformsStagesOfTheirOwn() {
    check(
        "stateful",
        base()
            .parDo("p", "a", "kvcustom")
            .parDo("s", "p", "kv", "py", PlannerTest::withStateAndTimer)
            .parDo("t", "p", "kv", "py", PlannerTest::withStateAndTimer)
            .parDo("u", "s", "kv")
            .parDo("sorted", "a", "kv", "py", payload -> payload.setRequiresTimeSortedInput(true))
            .parDo("stable", "a", "kv", "py", payload -> payload.setRequiresStableInput(true)));
  }

  private static ParDoPayload.Builder withStateAndTimer(ParDoPayload.Builder payload) {
    return payload
        .putStateSpecs(
            "seen",
            StateSpec.newBuilder()
                .setBagSpec(BagStateSpec.newBuilder().setElementCoderId("custom"))
                .setProtocol(FunctionSpec.newBuilder().setUrn(UserState.BAG))
                .build())
        .putTimerFamilySpecs(
            "expiry",
            TimerFamilySpec.newBuilder()
                .setTimeDomain(TimeDomain.Enum.EVENT_TIME)
                .setTimerFamilyCoderId("custom")
                .build())
        .setOnWindowExpirationTimerFamilySpec("expiry");
  }

  @Test
  void writesWireCodersOfTimersIntoPayloads() throws Exception {
    FusedPipeline plan =
        plan(
            base()
                .parDo("p", "a", "kvcustom")
                .parDo("s", "p", "kv", "py", PlannerTest::withStateAndTimer));

    SdkStage stage = (SdkStage) plan.stages().get(1);
    TimerFamily timer = stage.timerFamilies().get(0);
    ParDoPayload payload =
        ParDoPayload.parseFrom(stage.descriptor().getTransformsOrThrow("s").getSpec().getPayload());
    assertThat(payload.getTimerFamilySpecsOrThrow("expiry").getTimerFamilyCoderId())
        .isEqualTo(timer.timerCoderId());
    assertThat(timer.keyCoderId()).isEqualTo(stage.keyCoderId());
    assertThat(plan.components().getCodersOrThrow(timer.keyCoderId()).getSpec().getUrn())
        .isEqualTo("beam:coder:length_prefix:v1");
    assertThat(stage.descriptor().getTimerApiServiceDescriptor()).isEqualTo(ENDPOINT);
  }

  @Test
  void writesWireCodersOfMultimapValuesIntoPayloads() throws Exception {
    FusedPipeline plan =
        plan(
            base()
                .parDo(
                    "s",
                    "a",
                    "kv",
                    "py",
                    payload ->
                        payload
                            .putStateSpecs("own", multimap("custom"))
                            .putStateSpecs("known", multimap("varint"))));

    SdkStage stage = (SdkStage) plan.stages().get(plan.stages().size() - 1);
    ParDoPayload payload =
        ParDoPayload.parseFrom(stage.descriptor().getTransformsOrThrow("s").getSpec().getPayload());
    Map<String, String> urns = new HashMap<>();
    for (var state : stage.userStates()) {
      String coderId = state.valueCoderId();
      assertThat(payload.getStateSpecsOrThrow(state.stateId()).getMultimapSpec().getValueCoderId())
          .isEqualTo(coderId);
      urns.put(state.stateId(), stage.descriptor().getCodersOrThrow(coderId).getSpec().getUrn());
    }
    assertThat(urns)
        .containsOnly(
            Map.entry("own", "beam:coder:length_prefix:v1"),
            Map.entry("known", "beam:coder:varint:v1"));
  }

  private static StateSpec multimap(String valueCoderId) {
    return StateSpec.newBuilder()
        .setMultimapSpec(
            MultimapStateSpec.newBuilder().setKeyCoderId("string").setValueCoderId(valueCoderId))
        .setProtocol(FunctionSpec.newBuilder().setUrn(UserState.MULTIMAP))
        .build();
  }

  @Test
  void expandsSplittableTransforms() {
    check(
        "splittable",
        base()
            .parDo("s", "a", "kv", "py", payload -> payload.setRestrictionCoderId("kvcustom"))
            .parDo("b", "s", "varint")
            .parDo("c", "a", "varint"));
  }

  @Test
  void keepsEnvironmentsApart() {
    Environment.Builder hinted =
        base().build().getComponents().getEnvironmentsOrThrow("py").toBuilder();
    hinted.putResourceHints("beam:resources:min_ram_bytes:v1", ByteString.copyFromUtf8("1"));
    check(
        "environments",
        base()
            .environment("py2", "one")
            .edit(
                builder -> {
                  builder.getComponentsBuilder().putEnvironments("hinted", hinted.build());
                })
            .parDo("b", "a", "kv", "py2", payload -> payload)
            .parDo("c", "b", "kv", "go", payload -> payload)
            .parDo("d", "b", "kv", "hinted", payload -> payload));
  }

  @Test
  void dropsWhatHasNoEffect() {
    check(
        "no-effect",
        base()
            .transform("empty", PTransform.newBuilder())
            .transform(
                "noop",
                TestingPipeline.spec("test:composite:v1")
                    .setEnvironmentId("py")
                    .putInputs("in", "a")
                    .putOutputs("out", "a"))
            .groupByKey("unread", "a", "grouped")
            .impulse("alone"));
  }

  @Test
  void timestampsCustomWindows() {
    check(
        "custom-windows",
        base()
            .windowing("own", "test:windows:v1", "custom", Trigger.getDefaultInstance())
            .parDo("b", "a", "kv")
            .pcollection("b", "kv", "own")
            .groupByKey("g", "b", "grouped")
            .pcollection("g", "grouped", "own")
            .parDo("c", "g", "varint"));
  }

  @Test
  void groupsMultimapSideInputsByKey() {
    FusedPipeline plan =
        plan(
            base()
                .impulse("j")
                .pcollection("b", "varint")
                .transform(
                    "b",
                    TestingPipeline.spec(
                            Transforms.PAR_DO,
                            ParDoPayload.newBuilder()
                                .putSideInputs("side", TestingPipeline.side(SideInputs.MULTIMAP))
                                .build()
                                .toByteString())
                        .setEnvironmentId("py")
                        .putInputs("in", "j")
                        .putInputs("side", "a")
                        .putOutputs("out", "b")));

    SdkStage stage = (SdkStage) plan.stages().get(1);
    assertThat(stage.sideInputs()).hasSize(1);
    SideInput side = stage.sideInputs().get(0);
    assertThat(side.keyCoderId()).isEqualTo("string");
    assertThat(side.valueCoderId()).isEqualTo("varint");
    assertThat(stage.descriptor().getStateApiServiceDescriptor()).isEqualTo(ENDPOINT);
  }

  @Test
  void refusesToGroupWhatIsNoPair() {
    TestingPipeline pipeline =
        base().parDo("n", "a", "varint").groupByKey("g", "n", "custom").parDo("b", "g", "kv");

    assertThatThrownBy(() -> Planner.plan(pipeline.build(), ENDPOINT))
        .isInstanceOf(InvalidPipelineException.class)
        .hasMessageContaining("GroupByKey \"g\" needs key-value pairs")
        .hasMessageContaining("\"n\"");
    assertThat(Planner.problems(pipeline.build())).hasSize(1);
  }

  @Test
  void refusesACoderThatIsNestedInItself() {
    for (String urn : List.of("x:coder:loop:v1", "beam:coder:iterable:v1")) {
      TestingPipeline pipeline =
          base()
              .coder("loop", urn, "loop")
              .parDo("n", "i", "loop")
              .reshuffle("r", "n", "loop")
              .parDo("b", "r", "kv");

      assertThatThrownBy(() -> Planner.plan(pipeline.build(), ENDPOINT))
          .isInstanceOf(InvalidPipelineException.class)
          .hasMessageContaining("\"loop\"");
      assertThat(Planner.problems(pipeline.build())).isNotEmpty();
    }
  }

  @Test
  void cutsLongChains() {
    TestingPipeline pipeline = base();
    String last = "a";
    for (int i = 2; i <= 2 * Fuser.DEEPEST + 1; i++) {
      pipeline.parDo("t" + i, last, "kv");
      last = "t" + i;
    }

    FusedPipeline plan = plan(pipeline);

    assertThat(plan.stages()).hasSize(3);
    assertThat(plan.edges())
        .containsKeys(
            new PCollectionId("t" + Fuser.DEEPEST), new PCollectionId("t" + 2 * Fuser.DEEPEST));
    assertThat(plan.barriers())
        .filteredOn(barrier -> barrier.pcollection().value().equals("t" + Fuser.DEEPEST))
        .singleElement()
        .satisfies(
            barrier ->
                assertThat(barrier.reason())
                    .startsWith(Fuser.DEEPEST + " transforms of one stage follow"));
  }

  @Test
  void plansTheSamePipelineTheSameWay() {
    TestingPipeline pipeline =
        base().combine("sum", "a").flatten("f", "custom", "sum", "a").parDo("b", "f", "kv");

    assertThat(plan(pipeline)).isEqualTo(plan(pipeline));
  }

  @Test
  void plansAnEmptyPipeline() {
    FusedPipeline plan = plan(new TestingPipeline().transform("root", PTransform.newBuilder()));

    assertThat(plan.stages()).isEmpty();
    assertThat(plan.edges()).isEmpty();
  }
}
