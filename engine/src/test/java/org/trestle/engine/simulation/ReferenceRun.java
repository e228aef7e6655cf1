package org.trestle.engine.simulation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.simulation.SimPipeline.SimStage;

/** Runs a pipeline the simplest way: stage by stage, all elements, then all timers in order. */
final class ReferenceRun {
  private ReferenceRun() {}

  /** All elements of each edge. */
  static Map<EdgeId, List<Element>> of(SimPipeline pipeline) {
    Map<EdgeId, List<Element>> edges = new LinkedHashMap<>();
    for (EdgeId edge : pipeline.edges()) {
      edges.put(edge, new ArrayList<>());
    }
    pipeline.roots().forEach((edge, elements) -> contents(edges, edge).addAll(elements));
    for (SimStage stage : pipeline.stages()) {
      List<Element> input = new ArrayList<>();
      for (EdgeId edge : stage.spec().inputs()) {
        input.addAll(contents(edges, edge));
      }
      List<Element> side = new ArrayList<>();
      for (EdgeId edge : stage.spec().sideInputs()) {
        side.addAll(contents(edges, edge));
      }
      run(stage, input, side, new NaiveEffects(stage, edges));
    }
    return edges;
  }

  private static List<Element> contents(Map<EdgeId, List<Element>> edges, EdgeId edge) {
    List<Element> elements = edges.get(edge);
    if (elements == null) {
      throw new IllegalStateException("no edge " + edge);
    }
    return elements;
  }

  static long sum(List<Element> elements) {
    long sum = 0;
    for (Element element : elements) {
      sum += element.value();
    }
    return sum;
  }

  private static void run(
      SimStage stage, List<Element> input, List<Element> side, NaiveEffects effects) {
    switch (stage.kind()) {
      case MAP, SIDE_MAP -> {
        long sum = sum(side);
        input.forEach(e -> UserCode.map(stage, e, sum, effects));
      }
      case GATED_MAP ->
          input.forEach(e -> UserCode.map(stage, e, sum(UserCode.sameWindow(e, side)), effects));
      case SPLITTABLE -> {
        for (Element element : input) {
          for (int position = element.from(); position < element.to(); position++) {
            UserCode.read(stage, element, position, effects);
          }
        }
      }
      case STATEFUL -> {
        input.forEach(element -> UserCode.addToWindow(stage, element, 0, effects));
        effects.fireAll();
      }
      case GROUPING -> {
        Map<Integer, List<Element>> byKey = new TreeMap<>();
        for (Element element : input) {
          byKey.computeIfAbsent(element.key(), key -> new ArrayList<>()).add(element);
        }
        byKey.forEach((key, elements) -> UserCode.close(stage, key, elements, effects));
      }
    }
  }

  private record StateKey(int key, long window) {}

  private static final class NaiveEffects implements UserCode.Effects {
    private final SimStage stage;
    private final Map<EdgeId, List<Element>> edges;
    private final Map<StateKey, UserCode.WindowState> states = new HashMap<>();
    private final Map<TimerKey, TimerUpdate.Set> timers = new LinkedHashMap<>();

    NaiveEffects(SimStage stage, Map<EdgeId, List<Element>> edges) {
      this.stage = stage;
      this.edges = edges;
    }

    @Override
    public void emit(int output, long value, long timestamp) {
      contents(edges, stage.spec().outputs().get(output)).add(Element.whole(0, value, timestamp));
    }

    @Override
    public void update(TimerUpdate update) {
      timers.remove(update.timer());
      if (update instanceof TimerUpdate.Set set) {
        timers.put(set.timer(), set);
      }
    }

    @Override
    public UserCode.WindowState state(int key, long window) {
      return states.computeIfAbsent(
          new StateKey(key, window), unused -> new UserCode.WindowState());
    }

    void fireAll() {
      Comparator<TimerUpdate.Set> order =
          Comparator.comparing(TimerUpdate.Set::domain).thenComparing(TimerUpdate.Set::fireAt);
      while (!timers.isEmpty()) {
        TimerUpdate.Set next = timers.values().stream().min(order).orElseThrow();
        timers.remove(next.timer());
        TimeDomain domain = next.domain();
        UserCode.fire(
            stage,
            new FiredTimer(next.timer(), next.keyGroup(), domain, next.fireAt(), next.hold()),
            this);
      }
    }
  }
}
