package org.trestle.engine.core.bundle;

import java.util.ArrayList;
import java.util.List;

/** All that a successful bundle changes; becomes visible at its commit, together. */
public record BundleResult(
    BundleId id, List<EdgeOutput> outputs, List<TimerUpdate> timers, List<Residual> residuals) {

  public BundleResult {
    outputs = List.copyOf(outputs);
    timers = List.copyOf(timers);
    residuals = List.copyOf(residuals);
  }

  /** The same with further residuals. */
  public BundleResult with(List<Residual> more) {
    if (more.isEmpty()) {
      return this;
    }
    List<Residual> all = new ArrayList<>(residuals);
    all.addAll(more);
    return new BundleResult(id, outputs, timers, all);
  }
}
