package org.trestle.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.trestle.proto.Urns.SideInputs;
import org.trestle.proto.Urns.Transforms;

class PipelineValidatorTest {

  private static TestingPipeline base() {
    return new TestingPipeline().impulse("i").parDo("a", "i", "kv");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badPipelines")
  void namesTheProblem(String sentence, UnaryOperator<TestingPipeline> change) {
    assertThat(PipelineValidator.problems(change.apply(base()).build())).containsExactly(sentence);
  }

  private static Arguments bad(String sentence, UnaryOperator<TestingPipeline> change) {
    return Arguments.of(sentence, change);
  }

  static Stream<Arguments> badPipelines() {
    return Stream.concat(badTransforms(), Stream.concat(badReferences(), badParDos()));
  }

  private static Stream<Arguments> badTransforms() {
    return Stream.of(
        bad(
            "transform \"x\" has the URN \"test:unknown:v1\", which is not known, and neither parts"
                + " nor an environment",
            p ->
                p.pcollection("x", "kv")
                    .transform("x", TestingPipeline.spec("test:unknown:v1").putOutputs("o", "x"))),
        bad(
            "transform \"x\" (beam:transform:teststream:v1) has 0 inputs and 0 outputs",
            p -> p.transform("x", TestingPipeline.spec(Transforms.TEST_STREAM))),
        bad(
            "transform \"x\" is a beam:transform:read:v1 without parts, which no runner can execute"
                + " for an SDK; build the source as a splittable DoFn",
            p ->
                p.pcollection("x", "kv")
                    .transform("x", TestingPipeline.spec(Transforms.READ).putOutputs("o", "x"))),
        bad(
            "transform \"x\" (beam:transform:pardo:v1) names no environment",
            p -> p.parDo("x", "a", "kv", "", payload -> payload)),
        bad(
            "transform \"x\" names the environment \"nowhere\", which is missing",
            p -> p.parDo("x", "a", "kv", "nowhere", payload -> payload)),
        bad(
            "transform \"x\" (beam:transform:group_by_key:v1) has 2 inputs and 1 outputs",
            p ->
                p.pcollection("x", "grouped")
                    .transform(
                        "x",
                        TestingPipeline.spec(Transforms.GROUP_BY_KEY)
                            .putInputs("one", "a")
                            .putInputs("two", "a")
                            .putOutputs("out", "x"))),
        bad(
            "transform \"nobody\" is a part of \"x\" but missing",
            p -> p.transform("x", PTransform.newBuilder().addSubtransforms("nobody"))),
        bad(
            "transform \"x\" contains itself",
            p -> p.transform("x", PTransform.newBuilder().addSubtransforms("x"))),
        bad(
            "transforms wait for their own outputs in a cycle: \"x\", \"y\"",
            p -> p.pcollection("y", "kv").parDo("x", "y", "kv").parDo("y", "x", "kv")),
        bad(
            "PCollection \"a\" is an output of two transforms, \"a\" and \"x\"",
            p ->
                p.transform(
                    "x",
                    TestingPipeline.spec(Transforms.PAR_DO)
                        .setEnvironmentId("py")
                        .putInputs("in", "i")
                        .putOutputs("out", "a"))));
  }

  private static Stream<Arguments> badReferences() {
    return Stream.of(
        bad(
            "the pipeline has the requirement \"test:requirement:v1\", which is not known",
            p -> p.edit(pipeline -> pipeline.addRequirements("test:requirement:v1"))),
        bad(
            "the pipeline has no root transforms",
            p -> p.edit(pipeline -> pipeline.clearRootTransformIds())),
        bad(
            "transform \"nobody\" is a root of the pipeline but missing",
            p -> p.edit(pipeline -> pipeline.addRootTransformIds("nobody"))),
        bad(
            "transform \"x\" names the PCollection \"nothing\", which is missing",
            p -> p.parDo("x", "nothing", "kv")),
        bad(
            "transform \"x\" reads PCollection \"lonely\", which no transform produces",
            p -> p.pcollection("lonely", "kv").parDo("x", "lonely", "kv")),
        bad(
            "PCollection \"x\" needs the coder \"nothing\", which is missing",
            p -> p.parDo("x", "a", "nothing")),
        bad(
            "PCollection \"x\" needs the coder \"nothing\", which is missing",
            p -> p.coder("outer", "beam:coder:iterable:v1", "nothing").parDo("x", "a", "outer")),
        bad(
            "PCollection \"x\" has the coder \"self\", which contains itself or is nested too"
                + " deeply",
            p -> p.coder("self", "beam:coder:kv:v1", "self", "self").parDo("x", "a", "self")),
        bad(
            "PCollection \"x\" has the windowing strategy \"nothing\", which is missing",
            p -> p.parDo("x", "a", "kv").pcollection("x", "kv", "nothing")));
  }

  private static Stream<Arguments> badParDos() {
    return Stream.of(
        bad(
            "transform \"x\" has the side input \"s\" without a PCollection",
            p ->
                p.parDo(
                    "x",
                    "a",
                    "kv",
                    "py",
                    payload ->
                        payload.putSideInputs("s", TestingPipeline.side(SideInputs.ITERABLE)))),
        bad(
            "side input \"in\" of transform \"x\" has the access pattern \"test:pattern\", which is"
                + " not known",
            p ->
                p.parDo(
                        "x",
                        "a",
                        "kv",
                        "py",
                        payload ->
                            payload.putSideInputs("in", TestingPipeline.side("test:pattern")))
                    .edit(
                        pipeline -> {
                          PTransform x =
                              pipeline.getComponents().getTransformsOrThrow("x").toBuilder()
                                  .putInputs("main", "i")
                                  .build();
                          pipeline.getComponentsBuilder().putTransforms("x", x);
                        })),
        bad(
            "the input of stateful transform \"x\" must be key-value pairs, but PCollection \"n\""
                + " has a coder of \"beam:coder:varint:v1\"",
            p ->
                p.parDo("n", "a", "varint")
                    .parDo("x", "n", "kv", "py", payload -> payload.putStateSpecs("s", bag("kv")))),
        bad(
            "state \"s\" of transform \"x\" needs the coder \"nothing\", which is missing",
            p ->
                p.parDo(
                    "x", "a", "kv", "py", payload -> payload.putStateSpecs("s", bag("nothing")))),
        bad(
            "timer family \"t\" of transform \"x\" needs the coder \"nothing\", which is missing",
            p ->
                p.parDo(
                    "x",
                    "a",
                    "kv",
                    "py",
                    payload ->
                        payload.putTimerFamilySpecs(
                            "t",
                            TimerFamilySpec.newBuilder()
                                .setTimerFamilyCoderId("nothing")
                                .build()))));
  }

  private static StateSpec bag(String coderId) {
    return StateSpec.newBuilder()
        .setBagSpec(BagStateSpec.newBuilder().setElementCoderId(coderId))
        .build();
  }

  @Test
  void reportsAllProblemsAtOnce() {
    TestingPipeline pipeline =
        base()
            .parDo("x", "nothing", "kv")
            .parDo("y", "a", "kv", "nowhere", payload -> payload)
            .edit(builder -> builder.addRequirements("test:requirement:v1"));

    assertThat(PipelineValidator.problems(pipeline.build())).hasSize(3);
  }

  @Test
  void saysWhichPayloadDoesNotParse() {
    TestingPipeline pipeline =
        base()
            .pcollection("x", "kv")
            .transform(
                "x",
                TestingPipeline.spec(Transforms.PAR_DO, ByteString.copyFromUtf8("garbage"))
                    .setEnvironmentId("py")
                    .putInputs("in", "a")
                    .putOutputs("out", "x"));

    List<String> problems = PipelineValidator.problems(pipeline.build());

    assertThat(problems).hasSize(1);
    assertThat(problems.get(0))
        .startsWith("transform \"x\" has a ParDo payload that does not parse");
  }

  @Test
  void acceptsCompositesOfAnyKind() {
    TestingPipeline pipeline =
        base()
            .transform("empty", PTransform.newBuilder())
            .transform(
                "noop",
                TestingPipeline.spec("test:composite:v1")
                    .setEnvironmentId("py")
                    .putInputs("in", "a")
                    .putOutputs("out", "a"))
            .combine("sum", "a");

    assertThat(PipelineValidator.problems(pipeline.build())).isEmpty();
  }

  @Test
  void ignoresWhatNoTransformUses() {
    TestingPipeline pipeline =
        base()
            .parDo("dead", "nothing", "nothing")
            .edit(
                builder ->
                    builder
                        .clearRootTransformIds()
                        .addRootTransformIds("i")
                        .addRootTransformIds("a"));

    assertThat(PipelineValidator.problems(pipeline.build())).isEmpty();
  }

  @Test
  void acceptsPCollectionsWithoutCoder() {
    assertThat(PipelineValidator.problems(base().parDo("x", "a", "").build())).isEmpty();
  }

  @Test
  void takesNoLongerForCodersThatShareTheirParts() {
    TestingPipeline pipeline = base();
    for (int i = 0; i < 60; i++) {
      String part = i == 0 ? "varint" : "kv" + (i - 1);
      pipeline.coder("kv" + i, "beam:coder:kv:v1", part, part);
    }

    assertThat(PipelineValidator.problems(pipeline.parDo("x", "a", "kv59").build())).isEmpty();
  }
}
