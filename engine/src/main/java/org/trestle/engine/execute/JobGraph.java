package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.schedule.JobPlan;
import org.trestle.engine.execute.JobExecution.StageStatus;
import org.trestle.engine.fuse.FusedPipeline;
import org.trestle.engine.fuse.PlanText;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.state.SideInputStore;

/**
 * A fused pipeline joined with its stores: what each stage of the core's plan is made of.
 *
 * <p>Its maps do not change once it is made. {@link #append} and {@link #edgeComplete} are called
 * on the job's loop.
 */
final class JobGraph implements AutoCloseable {
  /** Harnesses learn of so many stages while they run another. */
  private static final int AHEAD_STAGES = 8;

  /** The pool of the runner's own stages. */
  static final String RUNNER_POOL = "runner";

  private final FusedPipeline fused;
  private final JobPlan plan;
  private final Map<StageId, SdkStageRuntime> sdkStages;
  private final Map<StageId, RunnerStage> runnerStages;
  private final Map<StageId, StageFigures> figures;
  private final Map<EdgeId, List<SideInputStore>> sideInputs;
  private final BlockStore blocks;
  private final GateEvents gates;
  private final Map<String, TestStreamSource> testStreams;
  private final Set<String> environmentIds;
  private final Map<String, ProcessBundleDescriptor> descriptors = new HashMap<>();
  private final Map<StageId, List<String>> following = new HashMap<>();
  private final Map<SideInputStore, Integer> openEdges = new HashMap<>();

  JobGraph(
      FusedPipeline fused,
      JobPlan plan,
      Map<StageId, SdkStageRuntime> sdkStages,
      Map<StageId, RunnerStage> runnerStages,
      Map<StageId, StageFigures> figures,
      Map<EdgeId, List<SideInputStore>> sideInputs,
      BlockStore blocks,
      Map<String, TestStreamSource> testStreams,
      List<ProcessBundleDescriptor> helperDescriptors,
      Set<String> helperEnvironments,
      GateEvents gates) {
    this.fused = fused;
    this.plan = plan;
    this.sdkStages = new LinkedHashMap<>(sdkStages);
    this.runnerStages = new LinkedHashMap<>(runnerStages);
    this.figures = new LinkedHashMap<>(figures);
    this.sideInputs = new LinkedHashMap<>(sideInputs);
    this.blocks = blocks;
    this.gates = gates;
    this.testStreams = Map.copyOf(testStreams);
    this.environmentIds = new LinkedHashSet<>(helperEnvironments);
    sdkStages.values().forEach(stage -> environmentIds.add(stage.environmentId()));
    helperDescriptors.forEach(helper -> descriptors.put(helper.getId(), helper));
    for (SdkStageRuntime stage : sdkStages.values()) {
      descriptors.put(stage.descriptor().getId(), stage.descriptor());
      descriptors.put(stage.drainDescriptor().getId(), stage.drainDescriptor());
    }
    environmentIds.forEach(this::order);
    sideInputs
        .values()
        .forEach(tables -> tables.forEach(table -> openEdges.merge(table, 1, Integer::sum)));
  }

  private void order(String environmentId) {
    List<StageId> stages = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    sdkStages.forEach(
        (id, stage) -> {
          if (stage.environmentId().equals(environmentId)) {
            stages.add(id);
            ids.add(stage.descriptor().getId());
          }
        });
    for (int i = 0; i < stages.size(); i++) {
      int end = Math.min(i + 1 + AHEAD_STAGES, ids.size());
      following.put(stages.get(i), List.copyOf(ids.subList(i + 1, end)));
    }
  }

  JobPlan plan() {
    return plan;
  }

  /** Whether watermarks move with the data, and the job may have no end of its own. */
  boolean streaming() {
    return fused.unbounded();
  }

  TestStreamSource testStream(String id) {
    TestStreamSource source = testStreams.get(id);
    if (source == null) {
      throw new IllegalArgumentException("no TestStream " + id);
    }
    return source;
  }

  SdkStageRuntime sdkStage(StageId id) {
    SdkStageRuntime stage = sdkStages.get(id);
    if (stage == null) {
      throw new IllegalArgumentException("no SDK stage " + id);
    }
    return stage;
  }

  /** The stage that the runner executes, or null if it is an SDK stage. */
  @Nullable RunnerStage runnerStage(StageId id) {
    return runnerStages.get(id);
  }

  StageFigures figures(StageId id) {
    StageFigures found = figures.get(id);
    if (found == null) {
      throw new IllegalArgumentException("no stage " + id);
    }
    return found;
  }

  /** What gates tell of outside of the job's events. */
  GateEvents gates() {
    return gates;
  }

  /** The environments whose harnesses the job needs. */
  Set<String> environmentIds() {
    return environmentIds;
  }

  /** A process bundle descriptor, or null if the job has none of that id. Any thread. */
  @Nullable ProcessBundleDescriptor descriptor(String id) {
    return descriptors.get(id);
  }

  /** The descriptors of the next SDK stages, in the order of the plan, of the same environment. */
  List<String> descriptorsAfter(StageId sdkStage) {
    return following.getOrDefault(sdkStage, List.of());
  }

  /** Gives committed elements of an edge to the side inputs made of it. */
  void append(EdgeOutput output) {
    for (SideInputStore table : sideInputs.getOrDefault(output.edge(), List.of())) {
      for (ElementBlock block : output.blocks()) {
        table.add(block);
      }
    }
  }

  /** Nothing will be added to the edge. */
  void edgeComplete(EdgeId edge) {
    for (JobPlan.StageSpec stage : plan.stages()) {
      if (stage.outputs().contains(edge)) {
        figures(stage.id()).complete();
      }
    }
    for (SideInputStore table : sideInputs.getOrDefault(edge, List.of())) {
      if (openEdges.merge(table, -1, Integer::sum) == 0) {
        table.complete();
      }
    }
  }

  /** Every stage has done its work. */
  void allComplete() {
    figures.values().forEach(StageFigures::complete);
  }

  /** The elements of a committed bundle are needed no more. */
  void release(BundleWork work) {
    release(work.elements());
  }

  /** Elements that will not be read again. */
  void release(List<ElementBlock> elements) {
    blocks.release(elements);
  }

  List<StageStatus> statuses() {
    List<StageStatus> statuses = new ArrayList<>();
    figures.values().forEach(stage -> statuses.add(stage.status()));
    return statuses;
  }

  String explain() {
    return PlanText.explain(fused);
  }

  @Override
  public void close() {
    testStreams.values().forEach(TestStreamSource::close);
    runnerStages.values().forEach(RunnerStage::close);
    sideInputs.values().forEach(tables -> tables.forEach(SideInputStore::close));
    sdkStages.values().forEach(SdkStageRuntime::close);
    blocks.close();
  }
}
