package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;

/** The stages, edges and pools of a plan, joined to each other. */
final class JobGraph {
  private final List<StageState> stages = new ArrayList<>();
  private final Map<StageId, StageState> stagesById = new LinkedHashMap<>();
  private final Map<EdgeId, Edge> edges = new LinkedHashMap<>();
  private final List<List<Edge>> outputs = new ArrayList<>();
  private final Map<String, Pool> pools = new LinkedHashMap<>();

  /**
   * Builds the state of a plan.
   *
   * @throws IllegalArgumentException if the plan contradicts itself
   */
  JobGraph(JobPlan plan, SchedulingPolicy policy) {
    for (EdgeId id : plan.edges()) {
      require(edges.put(id, new Edge(id)) == null, "edge " + id + " is listed twice");
    }
    for (StageSpec spec : plan.stages()) {
      addStage(spec, plan, policy);
    }
    checkOrder(plan);
    for (EdgeOutput initial : plan.initial()) {
      Edge edge = edge(initial.edge(), "a block of initial elements");
      String missed = edge.refuse(initial, plan.keyGroups());
      if (missed != null) {
        throw new IllegalArgumentException("initial elements: " + missed);
      }
    }
  }

  private void addStage(StageSpec spec, JobPlan plan, SchedulingPolicy policy) {
    String name = "stage " + spec.id();
    require(!stagesById.containsKey(spec.id()), name + " is listed twice");
    require(spec.keyed() || !spec.closes(), name + " closes key groups but has no keys");
    require(!spec.keyed() || plan.keyGroups() > 0, name + " has keys, the plan no key groups");
    Pool pool = pool(spec.pool());
    int index = stages.size();
    StageState stage =
        spec.keyed()
            ? new KeyedStage(index, spec, pool, policy, plan.keyGroups())
            : new UnkeyedStage(index, spec, pool, policy);
    for (EdgeId input : spec.inputs()) {
      edge(input, name).addConsumer(stage);
    }
    for (EdgeId input : spec.sideInputs()) {
      edge(input, name).addSideConsumer(stage);
    }
    List<Edge> written = new ArrayList<>();
    for (EdgeId output : new LinkedHashSet<>(spec.outputs())) {
      Edge edge = edge(output, name);
      edge.addProducer();
      written.add(edge);
    }
    stages.add(stage);
    stagesById.put(spec.id(), stage);
    outputs.add(written);
  }

  /** Watermarks go through the stages in one sweep, so producers must come before consumers. */
  private static void checkOrder(JobPlan plan) {
    Set<EdgeId> read = new HashSet<>();
    for (StageSpec spec : plan.stages()) {
      read.addAll(spec.inputs());
      read.addAll(spec.sideInputs());
      for (EdgeId output : spec.outputs()) {
        require(
            !read.contains(output),
            "stage " + spec.id() + " writes edge " + output + " after a stage that reads it");
      }
    }
  }

  private Edge edge(EdgeId id, String user) {
    Edge edge = edges.get(id);
    if (edge == null) {
      throw new IllegalArgumentException(user + " names edge " + id + ", which is not in the plan");
    }
    return edge;
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** In the plan's order: producers before consumers. */
  List<StageState> stages() {
    return stages;
  }

  StageState stage(int index) {
    return stages.get(index);
  }

  StageState stage(StageId id) {
    StageState stage = stagesById.get(id);
    if (stage == null) {
      throw new IllegalArgumentException("there is no stage " + id);
    }
    return stage;
  }

  /** In the plan's order. */
  Map<EdgeId, Edge> edges() {
    return edges;
  }

  /** The edges that a stage writes, each once. */
  List<Edge> outputs(StageState stage) {
    return outputs.get(stage.index());
  }

  /** In the order in which they were first named. */
  Map<String, Pool> pools() {
    return pools;
  }

  Pool pool(String name) {
    return pools.computeIfAbsent(name, Pool::new);
  }
}
