package org.trestle.engine.simulation;

import static org.trestle.engine.simulation.ModelViolation.check;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.Action.JobEnded;
import org.trestle.engine.core.schedule.Action.Outcome;
import org.trestle.engine.core.schedule.Action.SplitBundle;
import org.trestle.engine.core.schedule.Action.StartBundle;
import org.trestle.engine.core.schedule.Action.WakeAt;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.JobPlan;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.schedule.SchedulingPolicy;
import org.trestle.engine.operator.GroupedBundle;
import org.trestle.engine.operator.GroupingOracle;
import org.trestle.engine.operator.RandomTriggering;
import org.trestle.engine.operator.RandomWindows;
import org.trestle.engine.operator.ReferenceGrouping;
import org.trestle.engine.operator.ReferenceGrouping.Input;
import org.trestle.engine.operator.ReferenceGrouping.Interval;
import org.trestle.engine.operator.TestingGrouping;
import org.trestle.engine.operator.TriggeredGrouping;
import org.trestle.engine.operator.Triggering;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.PaneStore;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.fn.wire.ByteSink;

/**
 * One run of a streaming job on a random schedule: the real core and the real triggered grouping
 * between a splittable source with late data, whose workers die and whose bundles are split, a
 * stage with timers, and a sink.
 *
 * <pre>
 *   source --elements--> group --panes--> timers
 *                                    \--> sink
 * </pre>
 *
 * <p>The source reads scripts: at each position some elements, and a watermark. What the grouping
 * gives out is compared with the naive reference, a reference for each key group, and so are its
 * watermarks; all panes must arrive, and each timer must fire once and not too early.
 */
final class StreamSimulation extends RandomRun {
  private static final int KEY_GROUPS = TestingGrouping.KEY_GROUPS;
  private static final int ATTEMPTS = 5;
  private static final int MOST_STEPS = 20_000;

  private static final String SDK = "python";
  private static final String RUNNER = "runner";
  private static final List<String> POOLS = List.of(SDK, RUNNER);

  private static final EdgeId ROOT = new EdgeId("root");
  private static final EdgeId ELEMENTS = new EdgeId("elements");
  private static final EdgeId PANES = new EdgeId("panes");
  private static final StageId SOURCE = new StageId("source");
  private static final StageId GROUP = new StageId("group");
  private static final StageId TIMERS = new StageId("timers");
  private static final StageId SINK = new StageId("sink");

  /**
   * What a source reads.
   *
   * @param steps the elements of each position
   * @param watermarks before each position, and after the last
   */
  private record Script(List<List<Input>> steps, List<Long> watermarks) {}

  private final RandomWindows windows;
  private final Triggering triggering;
  private final List<Script> scripts = new ArrayList<>();
  private final EdgeFormat format =
      new EdgeFormat(TestingElements.INTERVALS, TestingElements.BYTES, TestingElements.BYTES);
  private final EdgeFormat paneFormat = TestingGrouping.paneFormat(format);
  private final MemoryBudget budget;
  private final SpillFiles files = TestingElements.files();
  private final BlockStore blocks = new BlockStore(new MemoryBudget(1L << 40), files);
  private final TriggeredGrouping grouping;
  private final List<GroupingOracle> oracles = new ArrayList<>();
  private final SchedulingPolicy policy;
  private final TestedCore core;

  /** Bundles that the core wants split, and that have not answered. */
  private final ArrayDeque<BundleId> toSplit = new ArrayDeque<>();

  /** Its own dice, so that a seed's schedule does not hang on what the core asks for. */
  private final Random splitDice;

  /** Elements that wait for the grouping, with what their blocks hold. */
  private final Map<String, Long> waitingInputs = new HashMap<>();

  private final Map<TimerKey, TimerUpdate.Set> timers = new LinkedHashMap<>();
  private final Map<String, Integer> panesOut = new TreeMap<>();
  private final Map<String, Integer> panesIn = new TreeMap<>();
  private final Map<String, Integer> panesTimed = new TreeMap<>();
  private final Map<String, Long> counts = new TreeMap<>();
  private long elements;
  private long droppedLate;
  private long droppedClosed;
  private long timersSet;
  private long inputWatermark = EventTime.MIN;
  private long outputWatermark = EventTime.MIN;

  StreamSimulation(long seed) {
    super(new Random(UserCode.mix(seed, 23) * 1_000_003 + seed), POOLS, MOST_STEPS);
    splitDice = new Random(seed);
    windows = List.of(RandomWindows.values()).get(random.nextInt(4));
    boolean sessions = windows == RandomWindows.SESSIONS;
    triggering = new RandomTriggering(random).triggering(sessions);
    budget = new MemoryBudget(random.nextInt(4) == 0 ? 0 : 1L << 40);
    grouping =
        new TriggeredGrouping(
            format, triggering, "group", KEY_GROUPS, new PaneStore(budget, files));
    for (int group = 0; group < KEY_GROUPS; group++) {
      oracles.add(new GroupingOracle(triggering, sessions));
    }
    List<Element> roots = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(3); i++) {
      scripts.add(script());
      roots.add(new Element(-1 - i, i, 0, 0, scripts.get(i).steps().size()));
    }
    now = random.nextInt(100);
    mishaps = random.nextInt(40);
    policy =
        new SchedulingPolicy(
            ATTEMPTS,
            1 + random.nextInt(4),
            10 + random.nextInt(100),
            1 + random.nextInt(20),
            10 + random.nextInt(2000),
            1 + Math.floorMod(seed, 20),
            1 + random.nextInt(3),
            1 + splitDice.nextInt(60),
            1 + splitDice.nextInt(120),
            true);
    core =
        new TestedCore(
            new JobCore(
                new JobPlan(
                    List.of(
                        spec(SOURCE, SDK, false, ROOT, ELEMENTS),
                        spec(GROUP, RUNNER, true, ELEMENTS, PANES),
                        spec(TIMERS, SDK, true, PANES),
                        spec(SINK, SDK, false, PANES)),
                    List.of(ROOT, ELEMENTS, PANES),
                    List.of(new EdgeOutput(ROOT, List.of(new SimBlock(roots)), List.of())),
                    KEY_GROUPS),
                policy));
  }

  private static StageSpec spec(
      StageId id, String pool, boolean keyed, EdgeId input, EdgeId... outputs) {
    return new StageSpec(id, pool, keyed, false, List.of(input), List.of(), List.of(outputs), null);
  }

  private Script script() {
    List<List<Input>> steps = new ArrayList<>();
    List<Long> watermarks = new ArrayList<>();
    long watermark = 0;
    watermarks.add(watermark);
    for (int position = random.nextInt(12); position > 0; position--) {
      List<Input> step = new ArrayList<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        long time = watermark + random.nextInt(25);
        if (random.nextInt(3) == 0) {
          time -= random.nextInt(60); // late, perhaps
        }
        step.add(
            new Input(
                "k" + random.nextInt(6), "v" + elements++, time, windows.assign(time, random)));
      }
      steps.add(step);
      watermark += random.nextInt(3) == 0 ? random.nextInt(40) : random.nextInt(6);
      watermarks.add(watermark);
    }
    return new Script(steps, watermarks);
  }

  /** How often things happened. */
  Map<String, Long> counts() {
    return counts;
  }

  private void count(String what, long times) {
    if (times > 0) {
      counts.merge(what, times, Long::sum);
    }
  }

  @Override
  void run() {
    try (files;
        blocks;
        grouping) {
      log("pipeline", List.of(windows, triggering, scripts));
      POOLS.forEach(pool -> setSlots(pool, random.nextInt(4)));
      runToEnd();
      checkEnd();
    }
  }

  private void checkEnd() {
    check(waitingInputs.isEmpty(), "elements were not grouped: %s", waitingInputs);
    check(panesIn.equals(panesOut), "panes %s, the sink has %s", panesOut, panesIn);
    check(panesTimed.equals(panesOut), "panes %s, the timers had %s", panesOut, panesTimed);
    check(timers.isEmpty(), "timers did not fire: %s", timers);
    check(grouping.windows() == 0, "%s windows are left", grouping.windows());
    check(budget.reserved() == 0, "%s bytes are left", budget.reserved());
    List<String> givenOut = new ArrayList<>();
    oracles.forEach(oracle -> givenOut.addAll(oracle.givenOut()));
    GroupingOracle.checkNothingIsLost(
        triggering, windows, elements, givenOut, droppedLate + droppedClosed);
  }

  // ---- events ----

  @Override
  TestedCore core() {
    return core;
  }

  @Override
  void step() {
    int dice = random.nextInt(100);
    if (!toSplit.isEmpty() && splitDice.nextBoolean()) {
      answerSplit(toSplit.remove());
    } else if (running.isEmpty() && (dice < 50 || mishaps <= 0)) {
      goOn();
    } else if (dice < 60 || mishaps <= 0) {
      if (!running.isEmpty()) {
        commit(anyRunning());
      }
    } else if (dice < 72) {
      mishap(() -> fail(anyRunning(), anyCause()));
    } else if (dice < 77) {
      mishap(this::loseWorkers);
    } else if (dice < 90) {
      mishap(() -> split(anyRunning()));
    } else if (dice < 95) {
      mishaps--;
      setSlots(POOLS.get(random.nextInt(2)), random.nextInt(4));
    } else {
      tick(now + random.nextInt(20));
    }
  }

  /** A bundle of a worker fails; the runner's own do not. */
  private void fail(BundleId id, Cause cause) {
    BundleWork work = running.get(id);
    if (work != null
        && !work.stage().equals(GROUP)
        && policy.allowsRetry(cause, work.attempts().and(cause))) {
      log(cause + " fails", id);
      remove(id);
      count("failures of " + work.stage().value(), 1);
      core.bundleFailed(new BundleFailure(id, cause, "simulated"));
    }
  }

  @Override
  String poolOf(StageId stage) {
    return stage.equals(GROUP) ? RUNNER : SDK;
  }

  private void loseWorkers() {
    setSlots(SDK, random.nextInt(2));
    for (BundleId id : List.copyOf(running.keySet())) {
      settle();
      if (random.nextBoolean()) {
        fail(id, Cause.LOST_WORKER);
      }
    }
  }

  private void answerSplit(BundleId id) {
    BundleWork work = running.get(id);
    if (work != null && work.stage().equals(SOURCE) && splitDice.nextBoolean()) {
      split(id);
    } else {
      log("no split of", id);
      core.splitRefused(id);
    }
  }

  private void split(BundleId id) {
    BundleWork work = running.get(id);
    if (work == null || !work.stage().equals(SOURCE) || work.elements().isEmpty()) {
      return;
    }
    List<Element> pieces = SimBlock.elements(work.elements());
    int cut = random.nextInt(pieces.size());
    List<Element> primary = new ArrayList<>(pieces.subList(0, cut));
    List<Residual> residuals = new ArrayList<>();
    Element piece = pieces.get(cut);
    if (piece.to() - piece.from() >= 2) {
      int at = piece.from() + 1 + random.nextInt(piece.to() - piece.from() - 1);
      primary.add(piece.restricted(piece.id(), piece.from(), at));
      residuals.add(residual(piece, at, random.nextInt(3) == 0 ? random.nextInt(50) : 0));
    } else {
      residuals.add(residual(piece, piece.from(), 0));
    }
    for (Element rest : pieces.subList(cut + 1, pieces.size())) {
      residuals.add(residual(rest, rest.from(), 0));
    }
    log("split " + id.value() + " to", List.of(primary, residuals));
    List<ElementBlock> kept = new ArrayList<>();
    primary.forEach(element -> kept.add(new SimBlock(List.of(element))));
    running.put(id, work.withElements(kept));
    count("splits", 1);
    core.bundleSplit(id, kept, residuals);
  }

  private Residual residual(Element piece, int from, long delay) {
    Script script = scripts.get((int) piece.value());
    long watermark = script.watermarks().get(from);
    Element rest = new Element(piece.id(), piece.value(), watermark, from, piece.to());
    return new Residual(new SimBlock(List.of(rest)), delay, watermark);
  }

  private void commit(BundleId id) {
    BundleWork work = remove(id);
    BundleResult result;
    if (work.stage().equals(SOURCE)) {
      result = read(work);
    } else if (work.stage().equals(GROUP)) {
      result = group(work);
    } else if (work.stage().equals(TIMERS)) {
      result = time(work);
    } else {
      for (TestingGrouping.Pane pane : panes(work.elements())) {
        panesIn.merge(pane.toString(), 1, Integer::sum);
      }
      result = new BundleResult(id, List.of(), List.of(), List.of());
    }
    log("commit", result);
    core.bundleCommitted(result);
    if (!work.stage().equals(SOURCE)) {
      blocks.release(work.elements());
    }
  }

  // ---- what the stages do ----

  private BundleResult read(BundleWork work) {
    ByteSink sink = new ByteSink();
    List<Residual> residuals = new ArrayList<>();
    for (Element piece : SimBlock.elements(work.elements())) {
      Script script = scripts.get((int) piece.value());
      for (int position = piece.from(); position < piece.to(); position++) {
        if (position > piece.from() && random.nextInt(4) == 0) {
          residuals.add(residual(piece, position, random.nextBoolean() ? 0 : random.nextInt(50)));
          count("checkpoints", 1);
          break;
        }
        script.steps().get(position).forEach(input -> write(sink, input));
      }
    }
    if (sink.isEmpty()) {
      return new BundleResult(work.id(), List.of(), List.of(), residuals);
    }
    EdgeWriter writer = new EdgeWriter(new EdgeTarget(ELEMENTS, format, 0, 1, KEY_GROUPS), blocks);
    writer.append(sink.toByteString());
    EdgeOutput output = writer.finish();
    for (KeyGroupBlock keyed : output.keyed()) {
      // A part of a block holds what the whole block held.
      EncodedBlock block = (EncodedBlock) keyed.block();
      for (Input input : TestingGrouping.inputs(block, format)) {
        check(
            waitingInputs.put(input.value(), block.minTimestamp()) == null,
            "%s was read twice",
            input.value());
      }
    }
    return new BundleResult(work.id(), List.of(output), List.of(), residuals);
  }

  private static void write(ByteSink sink, Input input) {
    List<ByteKey> encoded = new ArrayList<>();
    for (Interval window : input.windows()) {
      encoded.add(TestingElements.interval(window.start(), window.end()));
    }
    TestingElements.write(
        sink,
        input.timestamp(),
        encoded,
        TestingElements.prefixed(input.key()),
        TestingElements.prefixed(input.value()));
  }

  private BundleResult group(BundleWork work) {
    Map<Integer, List<Input>> inputs = new TreeMap<>();
    Map<Integer, List<FiredTimer>> fired = new TreeMap<>();
    for (ElementBlock block : work.elements()) {
      EncodedBlock encoded = (EncodedBlock) block;
      check(work.keyGroups().contains(encoded.keyGroup()), "%s is not leased", encoded.keyGroup());
      inputs
          .computeIfAbsent(encoded.keyGroup(), any -> new ArrayList<>())
          .addAll(TestingGrouping.inputs(encoded, format));
    }
    for (FiredTimer timer : work.timers()) {
      fired.computeIfAbsent(timer.keyGroup(), any -> new ArrayList<>()).add(timer);
    }
    Map<String, Integer> groupOfKey = new HashMap<>();
    inputs.forEach((group, all) -> all.forEach(input -> groupOfKey.put(input.key(), group)));
    for (FiredTimer timer : work.timers()) {
      groupOfKey.put(TestingGrouping.keyText(timer.timer().key()), timer.keyGroup());
    }

    GroupedBundle done =
        grouping.run(
            work,
            () -> new EdgeWriter(new EdgeTarget(PANES, paneFormat, 1, 1, KEY_GROUPS), blocks),
            () -> false);

    Map<Integer, List<TestingGrouping.Pane>> panes = new TreeMap<>();
    for (EdgeOutput output : done.result().outputs()) {
      for (TestingGrouping.Pane pane : panes(output.blocks())) {
        panesOut.merge(pane.toString(), 1, Integer::sum);
        count(pane.info().timing() + " panes", 1);
        Integer group = groupOfKey.get(pane.key());
        check(group != null, "a pane of a key that had nothing to do: %s", pane);
        panes.computeIfAbsent(group, any -> new ArrayList<>()).add(pane);
      }
    }
    for (int group : work.keyGroups()) {
      oracles
          .get(group)
          .bundle(
              inputs.getOrDefault(group, List.of()),
              fired.getOrDefault(group, List.of()),
              work.inputWatermark(),
              work.processingTime(),
              panes.getOrDefault(group, List.of()),
              outputWatermark);
    }
    droppedLate += done.droppedDueToLateness();
    droppedClosed += done.droppedDueToClosedWindow();
    check(
        droppedLate == sum(ReferenceGrouping::droppedLate)
            && droppedClosed == sum(ReferenceGrouping::droppedClosed),
        "dropped %s as late, %s as closed, the reference others",
        droppedLate,
        droppedClosed);
    count("dropped as late", done.droppedDueToLateness());
    count("dropped as closed", done.droppedDueToClosedWindow());
    inputs.values().forEach(all -> all.forEach(input -> waitingInputs.remove(input.value())));
    return done.result();
  }

  private long sum(ToLongFunction<ReferenceGrouping> figure) {
    return oracles.stream().map(GroupingOracle::reference).mapToLong(figure).sum();
  }

  private List<TestingGrouping.Pane> panes(List<? extends ElementBlock> from) {
    List<TestingGrouping.Pane> panes = new ArrayList<>();
    from.forEach(block -> panes.addAll(TestingGrouping.panes((EncodedBlock) block, paneFormat, 0)));
    return panes;
  }

  /** Sets a timer for each pane, clears one now and then, and takes those that are due. */
  private BundleResult time(BundleWork work) {
    List<TimerUpdate> updates = new ArrayList<>();
    for (FiredTimer timer : work.timers()) {
      TimerUpdate.Set set = timers.remove(timer.timer());
      check(set != null, "%s fires, and is not set", timer);
      count(timer.domain() + " timers", 1);
      boolean event = timer.domain() == TimeDomain.EVENT_TIME;
      check(
          event
              ? timer.fireAt() < work.inputWatermark() || work.inputWatermark() == EventTime.MAX
              : timer.fireAt() <= work.processingTime(),
          "%s fires before its time, in %s",
          timer,
          work);
    }
    for (ElementBlock block : work.elements()) {
      int group = ((EncodedBlock) block).keyGroup();
      for (TestingGrouping.Pane pane : TestingGrouping.panes((EncodedBlock) block, paneFormat, 0)) {
        panesTimed.merge(pane.toString(), 1, Integer::sum);
        ByteKey key = ByteKey.wrap(TestingElements.prefixed(pane.key()));
        for (TimerKey timer : List.copyOf(timers.keySet())) {
          if (timer.key().equals(key) && random.nextInt(6) == 0) {
            timers.remove(timer);
            updates.add(new TimerUpdate.Clear(timer, group));
          }
        }
        boolean event = random.nextInt(3) > 0;
        TimerUpdate.Set set =
            new TimerUpdate.Set(
                new TimerKey("family", key, pane.window(), "t" + timersSet++),
                group,
                event ? TimeDomain.EVENT_TIME : TimeDomain.PROCESSING_TIME,
                event ? pane.timestamp() + random.nextInt(30) : now + random.nextInt(30),
                pane.timestamp());
        timers.put(set.timer(), set);
        updates.add(set);
      }
    }
    return new BundleResult(work.id(), List.of(), updates, List.of());
  }

  // ---- actions ----

  @Override
  void settle() {
    for (Action action : core.drainActions()) {
      log(" ", action);
      check(!ended, "an action after the job's end: %s", action);
      if (action instanceof StartBundle start) {
        add(start.work());
      } else if (action instanceof WakeAt wake) {
        wakeAt(wake.processingTime());
      } else if (action instanceof SplitBundle split) {
        check(running.containsKey(split.bundle()), "%s does not run", split);
        toSplit.add(split.bundle());
      } else if (action instanceof JobEnded end) {
        check(end.outcome() == Outcome.DONE, "the job ended as %s", end);
        check(running.isEmpty(), "the job ended while bundles run");
        ended = true;
      }
    }
    compareWatermarks();
  }

  /** The grouping's watermarks, from what waits and from what the reference holds. */
  private void compareWatermarks() {
    long upstream = core.watermark(ELEMENTS);
    long earliest = upstream;
    for (long timestamp : waitingInputs.values()) {
      earliest = Math.min(earliest, timestamp);
    }
    inputWatermark = Math.max(inputWatermark, earliest);
    long actualInput = core.snapshot(GROUP).inputWatermark();
    check(inputWatermark == actualInput, "input at %s, not %s", actualInput, inputWatermark);
    boolean busy = !waitingInputs.isEmpty();
    for (BundleWork work : running.values()) {
      if (work.stage().equals(GROUP)) {
        busy = true;
        if (!work.timers().isEmpty()) {
          earliest = Math.min(earliest, work.inputWatermark());
        }
      }
    }
    for (GroupingOracle oracle : oracles) {
      ReferenceGrouping reference = oracle.reference();
      if (reference.windows() > 0) {
        busy = true;
        earliest = Math.min(earliest, reference.held());
      }
    }
    if (busy) {
      earliest = Math.min(earliest, EventTime.MAX - 1);
    }
    outputWatermark = Math.max(outputWatermark, earliest);
    long actualOutput = core.watermark(PANES);
    check(outputWatermark == actualOutput, "output at %s, not %s", actualOutput, outputWatermark);
  }
}
