package org.trestle.engine.simulation;

import static org.trestle.engine.simulation.ModelViolation.check;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.StageSnapshot;
import org.trestle.engine.simulation.SimPipeline.SimStage;

/** What the whole job must be like, by bookkeeping that is slow and simple. */
final class JobModel {
  private final SimPipeline pipeline;
  private final boolean streaming;
  private final Map<StageId, StageModel> stages = new LinkedHashMap<>();
  private final Map<EdgeId, List<Element>> edges = new LinkedHashMap<>();
  private final Set<EdgeId> completeEdges = new HashSet<>();

  JobModel(SimPipeline pipeline, boolean streaming) {
    this.pipeline = pipeline;
    this.streaming = streaming;
    for (SimStage stage : pipeline.stages()) {
      stages.put(stage.id(), new StageModel(stage));
    }
    for (EdgeId edge : pipeline.edges()) {
      edges.put(edge, new ArrayList<>());
    }
  }

  StageModel stage(StageId id) {
    StageModel stage = stages.get(id);
    if (stage == null) {
      throw new ModelViolation("no stage " + id, null);
    }
    return stage;
  }

  Collection<StageModel> stages() {
    return stages.values();
  }

  List<Element> contents(EdgeId edge) {
    List<Element> contents = edges.get(edge);
    if (contents == null) {
      throw new ModelViolation("no edge " + edge, null);
    }
    return contents;
  }

  Map<EdgeId, List<Element>> contents() {
    return edges;
  }

  boolean isComplete(EdgeId edge) {
    return completeEdges.contains(edge);
  }

  /** Elements become visible on an edge. */
  void deliver(EdgeId edge, List<Element> elements) {
    check(!completeEdges.contains(edge), "elements come on complete edge %s", edge);
    long watermark = edgeWatermark(edge);
    for (Element element : elements) {
      check(
          element.timestamp() >= watermark,
          "%s comes on edge %s behind its watermark %s",
          element,
          edge,
          watermark);
    }
    contents(edge).addAll(elements);
    for (StageModel stage : stages.values()) {
      for (EdgeId input : stage.stage.spec().inputs()) {
        if (input.equals(edge)) {
          elements.forEach(stage::deliver);
        }
      }
    }
  }

  void edgeCompleted(EdgeId edge) {
    check(completeEdges.add(edge), "edge %s is complete twice", edge);
    for (StageModel stage : stages.values()) {
      if (stage.stage.spec().outputs().contains(edge)) {
        check(stage.complete, "edge %s is complete before %s is", edge, stage.stage.id());
      }
      stage.inputsComplete = completeEdges.containsAll(stage.stage.spec().inputs());
    }
  }

  long edgeWatermark(EdgeId edge) {
    long watermark = EventTime.MAX;
    boolean hasProducers = false;
    for (StageModel stage : stages.values()) {
      if (stage.stage.spec().outputs().contains(edge)) {
        watermark = Math.min(watermark, stage.outputWatermark);
        hasProducers = true;
      }
    }
    return hasProducers || completeEdges.contains(edge) ? watermark : EventTime.MIN;
  }

  /** Brings all watermarks up to date, in the order of the pipeline. */
  void computeWatermarks() {
    for (StageModel stage : stages.values()) {
      long upstream = EventTime.MAX;
      for (EdgeId input : stage.stage.spec().inputs()) {
        upstream = Math.min(upstream, edgeWatermark(input));
      }
      stage.computeWatermarks(upstream, streaming);
    }
  }

  /** Compares with the core, all figures of all stages and edges. */
  void compare(TestedCore core) {
    for (StageModel model : stages.values()) {
      StageId id = model.stage.id();
      StageSnapshot actual = core.snapshot(id);
      same(id, "input watermark", model.inputWatermark, actual.inputWatermark());
      same(id, "output watermark", model.outputWatermark, actual.outputWatermark());
      same(id, "pending elements", model.waitingElements(), actual.pendingElements());
      same(id, "pending bytes", 10 * model.waitingElements(), actual.pendingBytes());
      same(id, "elements in flight", model.inFlightElements(), actual.inFlightElements());
      same(id, "bundles in flight", model.inFlight.size(), actual.inFlightBundles());
      same(id, "timers", model.waitingTimers(), actual.timers());
      check(model.complete == actual.complete(), "stage %s: complete %s", id, actual.complete());
    }
    for (EdgeId edge : pipeline.edges()) {
      same(edge, "watermark", edgeWatermark(edge), core.watermark(edge));
    }
  }

  private static void same(Object of, String what, long expected, long actual) {
    check(expected == actual, "%s of %s must be %s, is %s", what, of, expected, actual);
  }
}
