package org.trestle.engine.execute;

import java.util.List;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.execute.JobExecution.StageStatus;

/** Counts what a stage does. Written on the job's loop, read from any thread. */
final class StageFigures {
  private final String name;
  private final List<String> transforms;
  private final String environment;
  private long elementsIn;
  private long elementsOut;
  private long bytesOut;
  private long bundles;
  private long failedBundles;
  private long busyNanos;
  private boolean complete;

  StageFigures(String name, List<String> transforms, String environment) {
    this.name = name;
    this.transforms = List.copyOf(transforms);
    this.environment = environment;
  }

  synchronized void committed(BundleWork work, BundleResult result, long nanos) {
    bundles++;
    elementsIn += work.elementCount();
    busyNanos += nanos;
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
        elementsOut,
        bytesOut,
        bundles,
        failedBundles,
        busyNanos / 1_000_000,
        complete);
  }
}
