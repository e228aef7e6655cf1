package org.trestle.engine.simulation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;

/**
 * A random small pipeline.
 *
 * @param roots the elements of the edges that have no producers
 */
record SimPipeline(List<SimStage> stages, List<EdgeId> edges, Map<EdgeId, List<Element>> roots) {
  static final int KEY_GROUPS = 4;
  static final List<String> POOLS = List.of("python", "java", "runner");

  /** What a stage does to its input. */
  enum Kind {
    /** None, one or several outputs for each input. */
    MAP,
    /** As {@code MAP}, depending on the sum of a side input. */
    SIDE_MAP,
    /** As {@code MAP}, depending on the sum of the side input's window of the same time. */
    GATED_MAP,
    /** Reads a restriction, position by position; can be split and interrupts itself. */
    SPLITTABLE,
    /** Sums of windows by key, with timers of all sorts. */
    STATEFUL,
    /** Sums by key when all input is there. */
    GROUPING
  }

  /**
   * A stage.
   *
   * @param salt makes its functions different from those of other stages
   */
  record SimStage(StageSpec spec, Kind kind, int salt) {
    StageId id() {
      return spec.id();
    }
  }

  static SimPipeline random(Random random) {
    List<EdgeId> edges = new ArrayList<>();
    Map<EdgeId, List<Element>> roots = new LinkedHashMap<>();
    long id = -1;
    for (int i = 0; i <= random.nextInt(2); i++) {
      EdgeId root = new EdgeId("root" + i);
      edges.add(root);
      List<Element> elements = new ArrayList<>();
      int count = random.nextInt(25);
      for (int e = 0; e < count; e++) {
        elements.add(Element.whole(id--, random.nextInt(1000), random.nextInt(100)));
      }
      roots.put(root, elements);
    }
    List<SimStage> stages = new ArrayList<>();
    List<EdgeId> readable = new ArrayList<>(edges);
    EdgeId shared = null;
    int count = 1 + random.nextInt(6);
    for (int i = 0; i < count; i++) {
      List<EdgeId> outputs = new ArrayList<>();
      int outputCount = random.nextInt(5) == 0 ? 2 : 1;
      for (int o = 0; o < outputCount; o++) {
        outputs.add(new EdgeId("s" + i + "." + o));
      }
      edges.addAll(outputs);
      List<EdgeId> written = new ArrayList<>(outputs);
      // Now and then two stages write the same edge: a flatten that was moved into its producers.
      if (shared != null) {
        written.add(shared);
      }
      EdgeId nextShared = null;
      if (random.nextInt(4) == 0) {
        nextShared = new EdgeId("shared" + i);
        edges.add(nextShared);
        written.add(nextShared);
      }
      stages.add(randomStage(random, i, readable, written));
      readable.addAll(outputs);
      if (shared != null) {
        readable.add(shared);
      }
      shared = nextShared;
    }
    return new SimPipeline(List.copyOf(stages), List.copyOf(edges), roots);
  }

  private static SimStage randomStage(
      Random random, int index, List<EdgeId> readable, List<EdgeId> outputs) {
    Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
    List<EdgeId> inputs = new ArrayList<>();
    // Mostly one; a flatten has several, and may have the same one twice.
    int inputCount = random.nextInt(4) == 0 ? 2 + random.nextInt(2) : 1;
    for (int i = 0; i < inputCount; i++) {
      inputs.add(readable.get(random.nextInt(readable.size())));
    }
    List<EdgeId> sides = new ArrayList<>();
    if (kind == Kind.SIDE_MAP || kind == Kind.GATED_MAP) {
      sides.add(readable.get(random.nextInt(readable.size())));
    }
    boolean keyed = kind == Kind.STATEFUL || kind == Kind.GROUPING;
    StageSpec spec =
        new StageSpec(
            new StageId("s" + index),
            POOLS.get(random.nextInt(POOLS.size())),
            keyed,
            kind == Kind.GROUPING,
            inputs,
            sides,
            outputs);
    return new SimStage(spec, kind, random.nextInt(1000));
  }

  SimStage stage(StageId id) {
    for (SimStage stage : stages) {
      if (stage.id().equals(id)) {
        return stage;
      }
    }
    throw new IllegalArgumentException("no stage " + id);
  }

  /** The same with fewer elements. */
  SimPipeline halved() {
    Map<EdgeId, List<Element>> fewer = new LinkedHashMap<>();
    roots.forEach((edge, all) -> fewer.put(edge, List.copyOf(all.subList(0, all.size() / 2))));
    return new SimPipeline(stages, edges, fewer);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    roots.forEach((edge, elements) -> text.append(edge + ": " + elements.size() + " elements\n"));
    for (SimStage stage : stages) {
      StageSpec spec = stage.spec();
      text.append(spec.id() + " " + stage.kind() + " in " + spec.pool() + ": " + spec.inputs());
      text.append(" side " + spec.sideInputs() + " -> " + spec.outputs() + "\n");
    }
    return text.toString();
  }
}
