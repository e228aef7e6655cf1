package org.trestle.engine.core.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;

/** Plays the world around a core in tests, one step at a time. */
final class CoreDriver {
  static final String POOL = "sdk";

  final JobCore core;
  private final List<Action> actions = new ArrayList<>();

  CoreDriver(SchedulingPolicy policy, List<StageSpec> stages, EdgeOutput... initial) {
    List<EdgeId> edges = new ArrayList<>();
    for (EdgeOutput output : initial) {
      addMissing(edges, output.edge());
    }
    for (StageSpec stage : stages) {
      stage.inputs().forEach(edge -> addMissing(edges, edge));
      stage.sideInputs().forEach(edge -> addMissing(edges, edge));
      stage.outputs().forEach(edge -> addMissing(edges, edge));
    }
    core = new JobCore(new JobPlan(stages, edges, List.of(initial), 8), policy);
  }

  CoreDriver(SchedulingPolicy policy, JobPlan plan) {
    core = new JobCore(plan, policy);
  }

  private static void addMissing(List<EdgeId> edges, EdgeId edge) {
    if (!edges.contains(edge)) {
      edges.add(edge);
    }
  }

  // ---- plans ----

  static StageSpec map(String id, String inputs, String outputs) {
    return stage(id, false, false, inputs, "", outputs);
  }

  static StageSpec keyed(String id, String inputs, String outputs) {
    return stage(id, true, false, inputs, "", outputs);
  }

  static StageSpec grouping(String id, String inputs, String outputs) {
    return stage(id, true, true, inputs, "", outputs);
  }

  static StageSpec stage(
      String id, boolean keyed, boolean closes, String inputs, String side, String outputs) {
    return new StageSpec(
        new StageId(id), POOL, keyed, closes, edges(inputs), edges(side), edges(outputs));
  }

  static List<EdgeId> edges(String names) {
    List<EdgeId> edges = new ArrayList<>();
    for (String name : names.split(" ", -1)) {
      if (!name.isEmpty()) {
        edges.add(new EdgeId(name));
      }
    }
    return edges;
  }

  static EdgeOutput on(String edge, ElementBlock... blocks) {
    return new EdgeOutput(new EdgeId(edge), List.of(blocks), List.of());
  }

  static EdgeOutput keyedOn(String edge, KeyGroupBlock... blocks) {
    return new EdgeOutput(new EdgeId(edge), List.of(), List.of(blocks));
  }

  static KeyGroupBlock group(int keyGroup, ElementBlock block) {
    return new KeyGroupBlock(keyGroup, block);
  }

  static TimerKey timer(int key, String tag) {
    return new TimerKey("timers", ByteKey.wrap(new byte[] {(byte) key}), ByteKey.empty(), tag);
  }

  static TimerUpdate set(int key, String tag, long fireAt) {
    return new TimerUpdate.Set(timer(key, tag), key % 8, TimeDomain.EVENT_TIME, fireAt, fireAt);
  }

  static TimerUpdate setProcessing(int key, String tag, long fireAt) {
    return new TimerUpdate.Set(
        timer(key, tag), key % 8, TimeDomain.PROCESSING_TIME, fireAt, EventTime.MIN);
  }

  static TimerUpdate clear(int key, String tag) {
    return new TimerUpdate.Clear(timer(key, tag), key % 8);
  }

  // ---- steps ----

  CoreDriver start(int slots) {
    core.start(0);
    core.slots(POOL, slots);
    return this;
  }

  /** All actions since the last call of one of these methods. */
  List<Action> actions() {
    actions.addAll(core.drainActions());
    List<Action> all = List.copyOf(actions);
    actions.clear();
    return all;
  }

  /** The bundles started since the last call, other actions aside. */
  List<BundleWork> bundles() {
    List<BundleWork> bundles = new ArrayList<>();
    for (Action action : actions()) {
      if (action instanceof Action.StartBundle start) {
        bundles.add(start.work());
      }
    }
    return bundles;
  }

  /** The one bundle started since the last call. */
  BundleWork bundle() {
    List<BundleWork> bundles = bundles();
    assertThat(bundles).as(core::dump).hasSize(1);
    return bundles.get(0);
  }

  void commit(BundleWork work, EdgeOutput... outputs) {
    core.bundleCommitted(new BundleResult(work.id(), List.of(outputs), List.of(), List.of()));
  }

  void commitTimers(BundleWork work, TimerUpdate... timers) {
    core.bundleCommitted(new BundleResult(work.id(), List.of(), List.of(timers), List.of()));
  }

  void commitResidual(BundleWork work, Residual... residuals) {
    core.bundleCommitted(new BundleResult(work.id(), List.of(), List.of(), List.of(residuals)));
  }

  void fail(BundleWork work, String message) {
    core.bundleFailed(new BundleFailure(work.id(), Cause.WORK, message));
  }

  void fail(BundleId bundle, Cause cause, String message) {
    core.bundleFailed(new BundleFailure(bundle, cause, message));
  }

  StageSnapshot snapshot(String stage) {
    return core.snapshot(new StageId(stage));
  }

  long watermark(String edge) {
    return core.watermark(new EdgeId(edge));
  }

  /** How the job ended; fails if it goes on. */
  Action.JobEnded end() {
    List<Action> all = actions();
    assertThat(all).as(core::dump).isNotEmpty();
    assertThat(all.get(all.size() - 1)).as(core::dump).isInstanceOf(Action.JobEnded.class);
    return (Action.JobEnded) all.get(all.size() - 1);
  }
}
