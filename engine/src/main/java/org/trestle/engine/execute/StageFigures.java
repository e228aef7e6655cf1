package org.trestle.engine.execute;

import java.util.List;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.execute.JobExecution.Profile;
import org.trestle.engine.execute.JobExecution.StageStatus;
import org.trestle.engine.metrics.MetricValues;
import org.trestle.proto.Urns;

/** Counts what a stage does. Written on the job's loop, read from any thread. */
final class StageFigures {
  private static final String EXECUTION_TIME = Urns.of(MonitoringInfoSpecs.Enum.TOTAL_MSECS);
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final String name;
  private final List<String> transforms;
  private final String environment;
  private long elementsIn;
  private long bytesIn;
  private long elementsOut;
  private long bytesOut;
  private long bundles;
  private long failedBundles;
  private long busyNanos;
  private long harnessMillis;
  private long queuedNanos;
  private long shuffleNanos;
  private long commitNanos;
  private boolean complete;

  StageFigures(String name, List<String> transforms, String environment) {
    this.name = name;
    this.transforms = List.copyOf(transforms);
    this.environment = environment;
  }

  synchronized void committed(BundleWork work, BundleResult result, long nanos, BundleClock clock) {
    bundles++;
    elementsIn += work.elementCount();
    for (ElementBlock block : work.elements()) {
      bytesIn += block.bytes();
    }
    busyNanos += nanos;
    queuedNanos += clock.queuedNanos();
    shuffleNanos += clock.shuffleNanos();
    for (EdgeOutput output : result.outputs()) {
      // An edge with both kinds of consumers has each element in both forms.
      if (output.blocks().isEmpty()) {
        output.keyed().forEach(keyed -> wrote(keyed.block()));
      } else {
        output.blocks().forEach(this::wrote);
      }
    }
  }

  private synchronized void wrote(ElementBlock block) {
    elementsOut += block.count();
    bytesOut += block.bytes();
  }

  synchronized void commitTook(long nanos) {
    commitNanos += nanos;
  }

  /** Takes the metrics of a committed bundle, with the time that user code took. */
  synchronized void harness(List<MonitoringInfo> infos) {
    for (MonitoringInfo info : infos) {
      if (info.getUrn().equals(EXECUTION_TIME)) {
        harnessMillis += MetricValues.sum(info);
      }
    }
  }

  synchronized void failed(long nanos) {
    failedBundles++;
    busyNanos += nanos;
  }

  synchronized void complete() {
    complete = true;
  }

  synchronized StageStatus status() {
    return new StageStatus(
        name,
        transforms,
        environment,
        elementsIn,
        bytesIn,
        elementsOut,
        bytesOut,
        bundles,
        failedBundles,
        busyNanos / NANOS_PER_MILLI,
        new Profile(
            harnessMillis,
            queuedNanos / NANOS_PER_MILLI,
            shuffleNanos / NANOS_PER_MILLI,
            commitNanos / NANOS_PER_MILLI),
        complete);
  }
}
