package org.trestle.engine.simulation;

import static org.trestle.engine.simulation.ModelViolation.check;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.scale.PoolLimits;
import org.trestle.engine.core.scale.PoolLoad;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.Action.AbandonBundle;
import org.trestle.engine.core.schedule.Action.EdgeComplete;
import org.trestle.engine.core.schedule.Action.JobEnded;
import org.trestle.engine.core.schedule.Action.Outcome;
import org.trestle.engine.core.schedule.Action.ResizePool;
import org.trestle.engine.core.schedule.Action.SplitBundle;
import org.trestle.engine.core.schedule.Action.StartBundle;
import org.trestle.engine.core.schedule.Action.WakeAt;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.JobPlan;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.schedule.SchedulingPolicy;
import org.trestle.engine.simulation.FakeWorker.Split;
import org.trestle.engine.simulation.FakeWorker.Tentative;
import org.trestle.engine.simulation.SimPipeline.Kind;
import org.trestle.engine.simulation.SimPipeline.SimStage;
import org.trestle.engine.simulation.StageModel.Flight;

/** One run of a random pipeline on a random schedule. */
final class Simulation extends RandomRun {
  private static final int ATTEMPTS = 5;
  private static final int MOST_ELEMENTS = 1500;
  private static final int MOST_STEPS = 60_000;

  private final SimPipeline pipeline;
  private final Map<EdgeId, List<Element>> expected;
  private final JobModel model;
  private final FakeWorker worker;
  private final SchedulingPolicy policy;
  private final TestedCore core;
  private final Map<String, Integer> used = new TreeMap<>();
  private final Set<BundleId> ending = new TreeSet<>(Comparator.comparingLong(BundleId::value));
  private final Map<StageId, SimGate> gates = new HashMap<>();
  private final List<BundleId> past = new ArrayList<>();

  /** Bundles that the core wants split, and that have not answered. */
  private final Set<BundleId> asked = new TreeSet<>(Comparator.comparingLong(BundleId::value));

  Simulation(long seed, TestedCore.Factory factory) {
    // Neighbouring seeds of Random begin alike.
    super(new Random(UserCode.mix(seed, 17) * 1_000_003 + seed), SimPipeline.POOLS, MOST_STEPS);
    SimPipeline candidate = SimPipeline.random(random);
    Map<EdgeId, List<Element>> results = ReferenceRun.of(candidate);
    while (size(results) > MOST_ELEMENTS) {
      candidate = candidate.halved();
      results = ReferenceRun.of(candidate);
    }
    pipeline = candidate;
    expected = results;
    boolean streaming = random.nextBoolean();
    policy =
        new SchedulingPolicy(
            ATTEMPTS,
            1 + random.nextInt(10),
            10 + random.nextInt(100),
            1 + random.nextInt(40),
            10 + random.nextInt(400),
            1 + Math.floorMod(seed, 40),
            1 + random.nextInt(3),
            1 + random.nextInt(60),
            1 + random.nextInt(200),
            streaming);
    model = new JobModel(pipeline, streaming);
    worker = new FakeWorker(random, model);
    now = random.nextInt(1000);
    mishaps = random.nextInt(60);
    core = factory.wrap(new JobCore(plan(), policy));
  }

  private static int size(Map<EdgeId, List<Element>> edges) {
    int size = 0;
    for (List<Element> elements : edges.values()) {
      size += elements.size();
    }
    return size;
  }

  private JobPlan plan() {
    List<EdgeOutput> initial = new ArrayList<>();
    pipeline
        .roots()
        .forEach(
            (edge, elements) -> {
              if (!elements.isEmpty()) {
                initial.add(worker.output(edge, elements, true, true));
              }
            });
    List<StageSpec> specs = new ArrayList<>();
    for (SimStage stage : pipeline.stages()) {
      specs.add(stage.kind() == Kind.GATED_MAP ? gated(stage.spec()) : stage.spec());
    }
    return new JobPlan(specs, pipeline.edges(), initial, SimPipeline.KEY_GROUPS);
  }

  private StageSpec gated(StageSpec spec) {
    SimGate gate = new SimGate(spec.sideInputs().size());
    gates.put(spec.id(), gate);
    return new StageSpec(
        spec.id(),
        spec.pool(),
        spec.keyed(),
        spec.closes(),
        spec.inputs(),
        spec.sideInputs(),
        spec.outputs(),
        gate);
  }

  @Override
  void run() {
    log("pipeline", pipeline);
    for (String pool : SimPipeline.POOLS) {
      core.scale(pool, new PoolLimits(1, 1 + random.nextInt(3), 1, 1 + random.nextInt(4)), 1);
      used.put(pool, 0);
      setSlots(pool, random.nextInt(4));
    }
    pipeline.roots().forEach(model::deliver);
    runToEnd();
    pipeline.edges().forEach(edge -> check(model.isComplete(edge), "%s is not complete", edge));
    for (EdgeId edge : pipeline.edges()) {
      List<String> should = values(expected.getOrDefault(edge, List.of()));
      List<String> are = values(model.contents(edge));
      check(should.equals(are), "edge %s must have %s, has %s", edge, should, are);
    }
  }

  private static List<String> values(List<Element> elements) {
    List<String> values = new ArrayList<>();
    for (Element element : elements) {
      values.add(element.value() + "@" + element.timestamp());
    }
    values.sort(null);
    return values;
  }

  // ---- events ----

  @Override
  TestedCore core() {
    return core;
  }

  @Override
  void step() {
    int dice = random.nextInt(100);
    if (!asked.isEmpty() && random.nextBoolean()) {
      answerSplit(asked.iterator().next());
    } else if (random.nextInt(20) == 0) {
      look();
    } else if (!running.isEmpty() && random.nextInt(10) == 0) {
      ending(anyRunning());
    } else if (running.isEmpty() && (dice < 50 || mishaps <= 0)) {
      goOn();
    } else if (dice < 60 || mishaps <= 0) {
      if (!running.isEmpty()) {
        commit(anyRunning());
      }
    } else if (dice < 70) {
      mishap(() -> fail(anyRunning(), anyCause()));
    } else if (dice < 75) {
      mishap(this::losePool);
    } else if (dice < 85) {
      mishap(() -> split(anyRunning()));
    } else if (dice < 90) {
      mishaps--;
      setSlots(SimPipeline.POOLS.get(random.nextInt(3)), random.nextInt(4));
    } else if (dice < 95) {
      tick(now + random.nextInt(20));
    } else {
      mishap(this::sayAgain);
    }
  }

  @Override
  BundleWork remove(BundleId id) {
    BundleWork work = super.remove(id);
    past.add(id);
    asked.remove(id);
    ending.remove(id);
    String pool = poolOf(work.stage());
    used.merge(pool, -1, Integer::sum);
    return work;
  }

  /** The bundle has written everything; it may still fail. */
  private void ending(BundleId id) {
    log("ending", id);
    ending.add(id);
    core.bundleEnding(id);
  }

  /** How many slots of a pool are in use. */
  private int busy(String pool) {
    int lent = 0;
    for (BundleId id : ending) {
      lent += pool.equals(poolOf(Objects.requireNonNull(running.get(id)).stage())) ? 1 : 0;
    }
    return used.getOrDefault(pool, 0) - Math.min(lent, slots.getOrDefault(pool, 0));
  }

  private void commit(BundleId id) {
    BundleWork work = remove(id);
    StageModel stage = model.stage(work.stage());
    Flight flight = stage.committed(id);
    Tentative tentative = worker.run(stage, flight, now);
    log("commit", tentative.result());
    tentative.elements().forEach(model::deliver);
    tentative.result().timers().forEach(stage::apply);
    for (Residual residual : tentative.result().residuals()) {
      addResidual(stage, residual);
    }
    core.bundleCommitted(tentative.result());
  }

  private void addResidual(StageModel stage, Residual residual) {
    for (Element element : ((SimBlock) residual.block()).elements()) {
      stage.addResidual(element, residual.outputWatermark(), now + residual.delayMillis());
    }
  }

  private void fail(BundleId id, Cause cause) {
    BundleWork work = running.get(id);
    if (work == null || !policy.allowsRetry(cause, work.attempts().and(cause))) {
      return;
    }
    log(cause + " fails", id);
    remove(id);
    model.stage(work.stage()).failed(id);
    core.bundleFailed(new BundleFailure(id, cause, "simulated"));
  }

  /** A worker dies with all its bundles; its slots are gone, before or after the bundles fail. */
  private void losePool() {
    String pool = SimPipeline.POOLS.get(random.nextInt(3));
    boolean first = random.nextBoolean();
    if (first) {
      setSlots(pool, random.nextInt(2));
      settle();
    }
    for (BundleWork work : List.copyOf(running.values())) {
      if (!ended && poolOf(work.stage()).equals(pool) && random.nextBoolean()) {
        fail(work.id(), Cause.LOST_WORKER);
        settle();
      }
    }
    if (!first && !ended) {
      setSlots(pool, random.nextInt(2));
    }
  }

  private void answerSplit(BundleId id) {
    asked.remove(id);
    if (random.nextBoolean()) {
      split(id);
    } else {
      log("no split of", id);
      core.splitRefused(id);
    }
  }

  /** Tells the core of a machine that is busy or idle. */
  private void look() {
    String pool = SimPipeline.POOLS.get(random.nextInt(3));
    double idle = random.nextInt(3);
    OptionalDouble busy =
        random.nextBoolean() ? OptionalDouble.empty() : OptionalDouble.of(random.nextInt(3));
    PoolLoad load =
        new PoolLoad(
            slots.getOrDefault(pool, 0), 0, 2, idle, busy, random.nextInt(2) << 30, 1, false);
    log("load of " + pool, load);
    core.poolLoad(pool, load);
  }

  private void split(BundleId id) {
    BundleWork work = running.get(id);
    if (work == null) {
      return;
    }
    StageModel stage = model.stage(work.stage());
    Flight flight = stage.inFlight.get(id);
    if (flight == null || stage.stage.spec().keyed() || flight.elements().isEmpty()) {
      return;
    }
    asked.remove(id);
    Split split = worker.split(stage, flight);
    log("split " + id.value(), split);
    stage.inFlight.put(id, flight.withElements(split.primary()));
    for (Residual residual : split.residuals()) {
      addResidual(stage, residual);
    }
    List<ElementBlock> primary = new ArrayList<>();
    split.primary().forEach(held -> primary.add(new SimBlock(List.of(held.element()))));
    core.bundleSplit(id, primary, split.residuals());
  }

  /** Events about bundles that are over, or never were. */
  private void sayAgain() {
    BundleId id =
        past.isEmpty() || random.nextInt(4) == 0
            ? new BundleId(1_000_000)
            : past.get(random.nextInt(past.size()));
    log("again", id);
    if (random.nextBoolean()) {
      core.bundleFailed(new BundleFailure(id, BundleFailure.Cause.RUNNER, "came too late"));
    } else {
      core.bundleCommitted(new BundleResult(id, List.of(), List.of(), List.of()));
    }
  }

  // ---- actions ----

  @Override
  void settle() {
    model.computeWatermarks();
    for (Action action : core.drainActions()) {
      log(" ", action);
      check(!ended, "an action after the job's end: %s", action);
      if (action instanceof StartBundle start) {
        started(start.work());
      } else if (action instanceof EdgeComplete complete) {
        model.edgeCompleted(complete.edge());
        model.computeWatermarks();
      } else if (action instanceof WakeAt wake) {
        wakeAt(wake.processingTime());
      } else if (action instanceof SplitBundle split) {
        askedToSplit(split);
      } else if (action instanceof ResizePool resize) {
        setSlots(resize.pool(), resize.size().workers() * resize.size().bundles());
        settle();
      } else if (action instanceof AbandonBundle abandon) {
        check(false, "%s is given up", abandon);
      } else if (action instanceof JobEnded end) {
        check(end.outcome() == Outcome.DONE, "the job ended as %s", end);
        check(running.isEmpty(), "the job ended while bundles run");
        ended = true;
      }
    }
    model.compare(core);
  }

  private void askedToSplit(SplitBundle split) {
    BundleId id = split.bundle();
    BundleWork work = running.get(id);
    check(work != null, "%s is asked for work, and does not run", id);
    check(asked.add(id), "%s is asked for work twice", id);
    SimStage stage = model.stage(Objects.requireNonNull(work).stage()).stage;
    String pool = stage.spec().pool();
    check(!stage.spec().keyed(), "%s has keys and is asked for work", id);
    check(
        split.keep() == 0 || busy(pool) < slots.getOrDefault(pool, 0),
        "%s is asked for work, and no slot is idle",
        id);
  }

  @Override
  String poolOf(StageId stage) {
    return model.stage(stage).stage.spec().pool();
  }

  private void started(BundleWork work) {
    StageModel stage = model.stage(work.stage());
    String pool = stage.stage.spec().pool();
    used.merge(pool, 1, Integer::sum);
    check(busy(pool) <= slots.getOrDefault(pool, 0), "%s starts without a slot", work.id());
    SimGate gate = gates.get(work.stage());
    for (EdgeId side : stage.stage.spec().sideInputs()) {
      if (gate == null) {
        check(model.isComplete(side), "%s starts before side input %s is there", work.id(), side);
      } else {
        gate.checkStarted(work, model.edgeWatermark(side));
      }
    }
    add(work);
    stage.started(work, now);
  }
}
