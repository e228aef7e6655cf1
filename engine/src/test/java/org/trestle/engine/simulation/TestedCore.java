package org.trestle.engine.simulation;

import com.google.errorprone.annotations.Immutable;
import java.util.List;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.scale.PoolLimits;
import org.trestle.engine.core.scale.PoolLoad;
import org.trestle.engine.core.schedule.Action;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.core.schedule.StageSnapshot;

/** A core under test: passes everything on. Broken ones override what they break. */
class TestedCore {
  /** Makes a core to test of a real one. */
  @Immutable
  interface Factory {
    TestedCore wrap(JobCore core);
  }

  private final JobCore core;

  TestedCore(JobCore core) {
    this.core = core;
  }

  void start(long now) {
    core.start(now);
  }

  void slots(String pool, int slots) {
    core.slots(pool, slots);
  }

  void bundleCommitted(BundleResult result) {
    core.bundleCommitted(result);
  }

  void bundleEnding(BundleId id) {
    core.bundleEnding(id);
  }

  void bundleFailed(BundleFailure failure) {
    core.bundleFailed(failure);
  }

  void bundleSplit(BundleId id, List<ElementBlock> primary, List<Residual> residuals) {
    core.bundleSplit(id, primary, residuals);
  }

  void splitRefused(BundleId id) {
    core.splitRefused(id);
  }

  void scale(String pool, PoolLimits limits, int workers) {
    core.scale(pool, limits, workers);
  }

  void poolLoad(String pool, PoolLoad load) {
    core.poolLoad(pool, load);
  }

  void tick(long now) {
    core.tick(now);
  }

  List<Action> drainActions() {
    return core.drainActions();
  }

  StageSnapshot snapshot(StageId stage) {
    return core.snapshot(stage);
  }

  long watermark(EdgeId edge) {
    return core.watermark(edge);
  }

  String dump() {
    return core.dump();
  }
}
