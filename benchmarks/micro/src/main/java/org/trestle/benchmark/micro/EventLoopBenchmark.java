package org.trestle.benchmark.micro;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.JobPlan;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.schedule.SchedulingPolicy;

/** Deciding what runs next, for a whole job of stages in a row; figures are per job. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class EventLoopBenchmark {
  private static final int KEY_GROUPS = 32;
  private static final int BLOCKS = 64;
  private static final String POOL = "pool";

  /** How many stages the job has; every third groups by key. */
  @Param({"3", "300"})
  public int stages;

  /** Runs a job whose bundles do nothing and end at once. */
  @Benchmark
  public int job() {
    JobCore core = new JobCore(plan(), SchedulingPolicy.BATCH);
    core.start(0);
    core.slots(POOL, 4);
    ArrayDeque<Action> actions = new ArrayDeque<>(core.drainActions());
    int bundles = 0;
    while (!core.isEnded()) {
      Action next = actions.poll();
      if (next == null) {
        throw new IllegalStateException("the job is stuck\n" + core.dump());
      }
      if (next instanceof Action.StartBundle start) {
        bundles++;
        core.bundleCommitted(run(start.work()));
        actions.addAll(core.drainActions());
      }
    }
    return bundles;
  }

  private static boolean groups(int stage) {
    return stage % 3 == 2;
  }

  private static EdgeId edge(int number) {
    return new EdgeId("edge" + number);
  }

  private JobPlan plan() {
    List<StageSpec> specs = new ArrayList<>();
    List<EdgeId> edges = new ArrayList<>();
    for (int i = 0; i < stages; i++) {
      edges.add(edge(i));
      specs.add(
          new StageSpec(
              new StageId(Integer.toString(i)),
              POOL,
              groups(i),
              groups(i),
              List.of(edge(i)),
              List.of(),
              i + 1 < stages ? List.of(edge(i + 1)) : List.of()));
    }
    List<ElementBlock> input = new ArrayList<>();
    for (int i = 0; i < BLOCKS; i++) {
      input.add(new Numbers(0, 1000));
    }
    return new JobPlan(
        specs, edges, List.of(new EdgeOutput(edge(0), input, List.of())), KEY_GROUPS);
  }

  /** A mapping stage gives out its input, a grouping one what it was given when it closes. */
  private BundleResult run(BundleWork work) {
    int stage = Integer.parseInt(work.stage().value());
    List<EdgeOutput> outputs = new ArrayList<>();
    if (stage + 1 < stages) {
      List<ElementBlock> blocks = new ArrayList<>();
      List<EdgeOutput.KeyGroupBlock> keyed = new ArrayList<>();
      if (groups(stage)) {
        if (work.closing()) {
          blocks.add(new Numbers(0, 1000));
        }
      } else if (groups(stage + 1)) {
        work.elements().forEach(block -> keyed.add(part(keyed.size(), block)));
      } else {
        blocks.addAll(work.elements());
      }
      outputs.add(new EdgeOutput(edge(stage + 1), blocks, keyed));
    }
    return new BundleResult(work.id(), outputs, List.of(), List.of());
  }

  private static EdgeOutput.KeyGroupBlock part(int number, ElementBlock block) {
    return new EdgeOutput.KeyGroupBlock(number % KEY_GROUPS, block);
  }

  /** A block of elements that are nothing but counted. */
  private record Numbers(int from, int to) implements ElementBlock {
    @Override
    public int count() {
      return to - from;
    }

    @Override
    public long bytes() {
      return 100L * count();
    }

    @Override
    public long minTimestamp() {
      return 0;
    }

    @Override
    public ElementBlock slice(int first, int last) {
      return new Numbers(from + first, from + last);
    }
  }
}
