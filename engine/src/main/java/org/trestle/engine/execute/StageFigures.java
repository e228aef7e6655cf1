package org.trestle.engine.execute;

import java.util.List;
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

  synchronized void committed(long in, long out, long bytes, long nanos) {
    bundles++;
    elementsIn += in;
    elementsOut += out;
    bytesOut += bytes;
    busyNanos += nanos;
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
