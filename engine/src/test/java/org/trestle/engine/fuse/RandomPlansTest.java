package org.trestle.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.BagStateSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.junit.jupiter.api.Test;
import org.trestle.engine.graph.TestingPipeline;

/** Random pipelines: whatever their shape, their plans keep the invariants. */
class RandomPlansTest {
  private static final StateSpec BAG =
      StateSpec.newBuilder()
          .setBagSpec(BagStateSpec.newBuilder().setElementCoderId("varint"))
          .build();

  @Property(tries = 300)
  void plansKeepTheInvariants(@ForAll long seed) {
    Random random = new Random(seed);
    Pipeline pipeline = randomPipeline(random, 2 + random.nextInt(40));

    FusedPipeline plan = Planner.plan(pipeline, ApiServiceDescriptor.getDefaultInstance());

    PlanInvariants.check(plan);
    PathSums.assertSame(pipeline, plan);
  }

  @Test
  void unzipsSomeOfTheRandomPipelines() {
    int unzipped = 0;
    for (int seed = 0; seed < 100; seed++) {
      Random random = new Random(seed);
      FusedPipeline plan =
          Planner.plan(randomPipeline(random, 30), ApiServiceDescriptor.getDefaultInstance());
      unzipped += plan.edges().values().stream().anyMatch(e -> e.producers().size() > 1) ? 1 : 0;
    }
    assertThat(unzipped).isGreaterThan(10);
  }

  private static Pipeline randomPipeline(Random random, int size) {
    TestingPipeline pipeline = new TestingPipeline();
    List<String> pairs = new ArrayList<>();
    List<String> others = new ArrayList<>();
    pipeline.impulse("i0").parDo("do0", "i0", "kv");
    pairs.add("do0");
    for (int i = 1; i < size; i++) {
      String any = pick(random, random.nextBoolean() || others.isEmpty() ? pairs : others);
      String pair = pick(random, pairs);
      String coder = random.nextInt(3) == 0 ? "kvcustom" : "kv";
      switch (random.nextInt(9)) {
        case 0 ->
            pairs.add(added("do" + i, pipeline.impulse("i" + i).parDo("do" + i, "i" + i, coder)));
        case 1 -> others.add(added("do" + i, pipeline.parDo("do" + i, any, "custom")));
        case 2 ->
            pairs.add(
                added(
                    "do" + i,
                    pipeline.parDo(
                        "do" + i,
                        any,
                        coder,
                        random.nextBoolean() ? "py" : "go",
                        payload -> payload)));
        case 3 ->
            pairs.add(
                added(
                    "do" + i,
                    pipeline.parDo(
                        "do" + i, pair, coder, "py", payload -> payload.putStateSpecs("s", BAG))));
        case 4 ->
            pairs.add(
                added(
                    "do" + i,
                    pipeline.parDoWithSides(
                        "do" + i, any, coder, List.of(pick(random, pairs), pick(random, pairs)))));
        case 5 ->
            others.add(
                added(
                    "g" + i,
                    pipeline.groupByKey(
                        "g" + i, pair, random.nextBoolean() ? "grouped" : "groupedcustom")));
        case 6 -> pairs.add(added("r" + i, pipeline.reshuffle("r" + i, pair, coder)));
        case 7 ->
            pairs.add(
                added("f" + i, pipeline.flatten("f" + i, coder, pair, pick(random, pairs), pair)));
        default ->
            others.add(
                added("f" + i, pipeline.flatten("f" + i, "custom", any, pick(random, pairs))));
      }
    }
    return pipeline.build();
  }

  private static String added(String name, TestingPipeline pipeline) {
    assertThat(pipeline).isNotNull();
    return name;
  }

  private static String pick(Random random, List<String> names) {
    return names.get(random.nextInt(names.size()));
  }

  @Test
  void plansThousandsOfTransforms() {
    Pipeline pipeline = randomPipeline(new Random(1), 3000);

    FusedPipeline plan = Planner.plan(pipeline, ApiServiceDescriptor.getDefaultInstance());

    PlanInvariants.check(plan);
    PathSums.assertSame(pipeline, plan);
  }
}
