package org.trestle.engine.simulation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.simulation.SimPipeline.Kind;
import org.trestle.engine.simulation.SimPipeline.SimStage;
import org.trestle.engine.simulation.StageModel.Flight;
import org.trestle.engine.simulation.StageModel.Held;

/** Runs the work of bundles, and keeps state and groups between them. */
final class FakeWorker {
  /** What a bundle gave, to be committed. */
  record Tentative(BundleResult result, Map<EdgeId, List<Element>> elements) {}

  /** What a running bundle keeps and what it gives back. */
  record Split(List<Held> primary, List<Residual> residuals) {}

  private record StateKey(StageId stage, int key, long window) {}

  private final Random random;
  private final JobModel model;
  private final Map<StateKey, UserCode.WindowState> states = new HashMap<>();
  private final Map<StageId, Map<Integer, List<Element>>> groups = new HashMap<>();
  private long nextId = 1;

  FakeWorker(Random random, JobModel model) {
    this.random = random;
    this.model = model;
  }

  /** Runs what a bundle has left; the caller commits all of it. */
  Tentative run(StageModel stageModel, Flight flight, long now) {
    SimStage stage = stageModel.stage;
    Run run = new Run(stage);
    List<Residual> residuals = new ArrayList<>();
    for (Held held : flight.elements()) {
      Element element = held.element();
      switch (stage.kind()) {
        case MAP, SIDE_MAP -> UserCode.map(stage, element, ReferenceRun.sum(side(stage)), run);
        case GATED_MAP -> {
          List<Element> window = UserCode.sameWindow(element, side(stage));
          UserCode.map(stage, element, ReferenceRun.sum(window), run);
        }
        case SPLITTABLE -> read(stage, held, run, residuals);
        case STATEFUL -> UserCode.addToWindow(stage, element, now, run);
        case GROUPING ->
            groups
                .computeIfAbsent(stage.id(), id -> new TreeMap<>())
                .computeIfAbsent(element.key(), key -> new ArrayList<>())
                .add(element);
      }
    }
    for (FiredTimer timer : flight.work().timers()) {
      UserCode.fire(stage, timer, run);
    }
    if (flight.work().closing()) {
      groups
          .getOrDefault(stage.id(), Map.of())
          .forEach(
              (key, elements) -> {
                if (flight.work().keyGroups().contains(Element.keyGroup(key))) {
                  UserCode.close(stage, key, elements, run);
                }
              });
    }
    List<EdgeOutput> outputs = new ArrayList<>();
    run.elements.forEach((edge, elements) -> outputs.add(output(edge, elements)));
    BundleResult result = new BundleResult(flight.work().id(), outputs, run.timers, residuals);
    return new Tentative(result, run.elements);
  }

  private List<Element> side(SimStage stage) {
    List<Element> side = new ArrayList<>();
    for (EdgeId edge : stage.spec().sideInputs()) {
      side.addAll(model.contents(edge));
    }
    return side;
  }

  /** Reads a restriction to its end, or up to where the function wants to go on later. */
  private void read(SimStage stage, Held held, Run run, List<Residual> residuals) {
    Element element = held.element();
    for (int position = element.from(); position < element.to(); position++) {
      UserCode.read(stage, element, position, run);
      int next = position + 1;
      if (next < element.to() && random.nextInt(6) == 0) {
        long delay = random.nextBoolean() ? 0 : 1 + random.nextInt(50);
        residuals.add(residual(element, next, delay));
        return;
      }
    }
  }

  private Residual residual(Element element, int from, long delay) {
    Element rest = element.restricted(nextId++, from, element.to());
    return new Residual(new SimBlock(List.of(rest)), delay, element.timestamp() + from);
  }

  /** Divides the elements of a running bundle, and perhaps one element in itself. */
  Split split(StageModel stage, Flight flight) {
    List<Held> held = flight.elements();
    long hold = Long.MAX_VALUE;
    for (Held each : held) {
      hold = Math.min(hold, each.outputHold());
    }
    int cut = random.nextInt(held.size() + 1);
    List<Held> primary = new ArrayList<>();
    for (Held each : held.subList(0, cut)) {
      primary.add(new Held(each.element(), hold, 0));
    }
    List<Residual> residuals = new ArrayList<>();
    int rest = cut;
    if (stage.stage.kind() == Kind.SPLITTABLE && cut < held.size()) {
      Element element = held.get(cut).element();
      if (element.to() - element.from() >= 2) {
        int at = element.from() + 1 + random.nextInt(element.to() - element.from() - 1);
        primary.add(new Held(element.restricted(nextId++, element.from(), at), hold, 0));
        residuals.add(residual(element, at, random.nextInt(3) == 0 ? random.nextInt(50) : 0));
        rest = cut + 1;
      }
    }
    List<Element> whole = new ArrayList<>();
    long earliest = Long.MAX_VALUE;
    for (Held each : held.subList(rest, held.size())) {
      Element element = each.element();
      // A new number: the same element may be there twice, and the other one holds other times.
      whole.add(element.restricted(nextId++, element.from(), element.to()));
      earliest = Math.min(earliest, each.outputHold());
    }
    for (SimBlock block : blocks(whole)) {
      residuals.add(new Residual(block, 0, earliest));
    }
    return new Split(primary, residuals);
  }

  // ---- outputs ----

  private EdgeOutput output(EdgeId edge, List<Element> elements) {
    boolean plain = false;
    boolean keyed = false;
    for (StageModel consumer : model.stages()) {
      if (consumer.stage.spec().inputs().contains(edge)) {
        plain |= !consumer.stage.spec().keyed();
        keyed |= consumer.stage.spec().keyed();
      }
    }
    return output(edge, elements, plain, keyed);
  }

  /** Elements in blocks of random sizes, in the forms that are asked for. */
  EdgeOutput output(EdgeId edge, List<Element> elements, boolean plain, boolean keyed) {
    List<ElementBlock> blocks = new ArrayList<>();
    List<KeyGroupBlock> keyedBlocks = new ArrayList<>();
    if (plain) {
      blocks.addAll(blocks(elements));
    }
    if (keyed) {
      Map<Integer, List<Element>> byGroup = new TreeMap<>();
      for (Element element : elements) {
        byGroup.computeIfAbsent(element.keyGroup(), group -> new ArrayList<>()).add(element);
      }
      byGroup.forEach(
          (group, all) -> blocks(all).forEach(b -> keyedBlocks.add(new KeyGroupBlock(group, b))));
    }
    return new EdgeOutput(edge, blocks, keyedBlocks);
  }

  /** Each block belongs to one window, as stages with gates need it. */
  private List<SimBlock> blocks(List<Element> elements) {
    List<SimBlock> blocks = new ArrayList<>();
    int from = 0;
    while (from < elements.size()) {
      int most = Math.min(elements.size(), from + 1 + random.nextInt(8));
      long window = UserCode.windowEnd(elements.get(from).timestamp());
      int to = from + 1;
      while (to < most && UserCode.windowEnd(elements.get(to).timestamp()) == window) {
        to++;
      }
      blocks.add(new SimBlock(elements.subList(from, to)));
      from = to;
    }
    return blocks;
  }

  private final class Run implements UserCode.Effects {
    private final SimStage stage;
    private final Map<EdgeId, List<Element>> elements = new LinkedHashMap<>();
    private final List<TimerUpdate> timers = new ArrayList<>();

    Run(SimStage stage) {
      this.stage = stage;
    }

    @Override
    public void emit(int output, long value, long timestamp) {
      elements
          .computeIfAbsent(stage.spec().outputs().get(output), edge -> new ArrayList<>())
          .add(Element.whole(nextId++, value, timestamp));
    }

    @Override
    public void update(TimerUpdate update) {
      timers.add(update);
    }

    @Override
    public UserCode.WindowState state(int key, long window) {
      return states.computeIfAbsent(
          new StateKey(stage.id(), key, window), unused -> new UserCode.WindowState());
    }
  }
}
