package org.trestle.job.run;

import java.time.Duration;
import org.trestle.job.artifact.ArtifactLimits;
import org.trestle.job.config.ServiceConfig;

/**
 * What jobs may take of the service.
 *
 * @param pipelineBytes largest pipeline
 * @param waitingBytes all pipelines that were prepared and not run; the oldest go first
 * @param logBytes messages and logs kept for one job
 * @param retention how many finished jobs are remembered
 */
public record JobLimits(
    long pipelineBytes,
    long waitingBytes,
    Duration preparationTimeout,
    ArtifactLimits artifacts,
    long logBytes,
    int retention) {
  private static final int MOST_ARTIFACTS = 10_000;

  /** Reads the limits from the settings. */
  public static JobLimits from(ServiceConfig config) {
    return new JobLimits(
        config.maxPipelineSize().bytes(),
        2 * config.maxPipelineSize().bytes(),
        config.preparationTimeout(),
        new ArtifactLimits(
            config.maxArtifactSize().bytes(), config.maxStagedSize().bytes(), MOST_ARTIFACTS),
        config.jobLogLimit().bytes(),
        config.jobRetention());
  }
}
