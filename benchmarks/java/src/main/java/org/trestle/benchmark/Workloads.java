package org.trestle.benchmark;

import com.google.gson.JsonObject;
import java.lang.management.ManagementFactory;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.trestle.client.TrestlePipelineOptions;
import org.trestle.client.TrestleRunner;

/**
 * Runs workloads on a job service, with workers in this process, and prints a line of JSON for
 * each: the time of the job, and the processor time of this process meanwhile.
 */
public final class Workloads {
  private Workloads() {}

  /** Runs what the options say; exits with 1 if a workload failed. */
  public static void main(String[] arguments) {
    PipelineOptionsFactory.register(BenchmarkOptions.class);
    PipelineOptionsFactory.register(TrestlePipelineOptions.class);
    BenchmarkOptions options = options(arguments);
    if (options.getList()) {
      Catalogue.WORKLOADS.forEach(workload -> System.out.println(workload.name()));
      return;
    }
    boolean good = true;
    for (String name : options.getWorkloads()) {
      JsonObject line = new JsonObject();
      line.addProperty("workload", name);
      // Options of their own for each job: workers in this process change them.
      good &= run(name, options(arguments), line);
      System.out.println(line);
    }
    System.exit(good ? 0 : 1);
  }

  private static BenchmarkOptions options(String[] arguments) {
    BenchmarkOptions options =
        PipelineOptionsFactory.fromArgs(arguments).as(BenchmarkOptions.class);
    options.setRunner(TrestleRunner.class);
    return options;
  }

  /** Adds figures or an error to the line; false if it is an error. */
  private static boolean run(String name, BenchmarkOptions options, JsonObject line) {
    try {
      Workload workload =
          Catalogue.WORKLOADS.stream()
              .filter(one -> one.name().equals(name))
              .findFirst()
              .orElseThrow(() -> new IllegalArgumentException("no workload of that name"));
      int size = Math.max(1, (int) (workload.size() * options.getScale()));
      Pipeline pipeline = Pipeline.create(options);
      workload.builder().build(pipeline, size);
      long begin = System.nanoTime();
      long processor = processorNanos();
      PipelineResult.State state = pipeline.run().waitUntilFinish();
      if (state != PipelineResult.State.DONE) {
        throw new IllegalStateException("the job ended in state " + state);
      }
      double seconds = (System.nanoTime() - begin) / 1e9;
      line.addProperty("seconds", seconds);
      line.addProperty("wall_seconds", seconds);
      line.addProperty("harness_seconds", (processorNanos() - processor) / 1e9);
      line.addProperty("size", size);
      line.addProperty("unit", workload.unit());
      return true;
    } catch (RuntimeException failure) {
      String text = failure.getMessage() == null ? failure.toString() : failure.getMessage();
      line.addProperty("error", text.lines().findFirst().orElse(text));
      return false;
    }
  }

  private static long processorNanos() {
    var system = ManagementFactory.getOperatingSystemMXBean();
    return system instanceof com.sun.management.OperatingSystemMXBean own
        ? own.getProcessCpuTime()
        : 0;
  }
}
