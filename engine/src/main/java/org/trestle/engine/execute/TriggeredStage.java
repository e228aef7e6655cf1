package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.operator.GroupedBundle;
import org.trestle.engine.operator.TriggeredGrouping;

/** A GroupByKey that gives out panes as its trigger says. */
final class TriggeredStage implements RunnerStage {
  private final String transformId;
  private final TriggeredGrouping grouping;
  private final StageOutput output;

  TriggeredStage(String transformId, TriggeredGrouping grouping, StageOutput output) {
    this.transformId = transformId;
    this.grouping = grouping;
    this.output = output;
  }

  @Override
  public Output run(BundleWork work, BooleanSupplier givenUp) {
    GroupedBundle bundle = grouping.run(work, output::newWriter, givenUp);
    List<MonitoringInfo> metrics = new ArrayList<>();
    if (bundle.droppedDueToLateness() > 0) {
      metrics.add(DroppedElements.late(transformId, bundle.droppedDueToLateness()));
    }
    if (bundle.droppedDueToClosedWindow() > 0) {
      metrics.add(DroppedElements.closed(transformId, bundle.droppedDueToClosedWindow()));
    }
    return new Output(bundle.result(), metrics);
  }

  @Override
  public void close() {
    grouping.close();
  }
}
