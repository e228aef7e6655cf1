package org.trestle.engine.execute;

import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;

/**
 * A stage that the runner executes itself, on its own threads; the core leases each key group to
 * one bundle at a time.
 */
interface RunnerStage extends AutoCloseable {

  /**
   * What a bundle did.
   *
   * @param metrics for the job, beside those of SDKs
   */
  record Output(BundleResult result, List<MonitoringInfo> metrics) {
    public Output {
      metrics = List.copyOf(metrics);
    }
  }

  /**
   * Runs a bundle. A failure ends the job: bundles of the runner are not tried again.
   *
   * @param givenUp whether nobody waits for the bundle any more; asked between pieces of work
   * @throws java.util.concurrent.CancellationException if so
   */
  Output run(BundleWork work, BooleanSupplier givenUp);

  @Override
  void close();
}
