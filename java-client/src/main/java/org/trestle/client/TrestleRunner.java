package org.trestle.client;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineRunner;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PortablePipelineOptions;
import org.apache.beam.sdk.util.construction.PipelineOptionsTranslation;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs pipelines on a Trestle job service: {@code --runner=TrestleRunner
 * --jobEndpoint=localhost:8073}.
 *
 * <p>{@link #run} returns when the service has started the job; the result follows it from there.
 */
public final class TrestleRunner extends PipelineRunner<TrestlePipelineResult> {
  private static final Logger LOG = LoggerFactory.getLogger(TrestleRunner.class);
  private static final JobFollower.Patience PATIENCE =
      new JobFollower.Patience(Duration.ofMinutes(1), Duration.ofSeconds(1));

  private final PipelineOptions options;
  private final String endpoint;
  private final EnvironmentType environment;
  private final Duration serviceTimeout;

  private TrestleRunner(PipelineOptions options) {
    TrestlePipelineOptions trestle = TrestlePipelineOptions.of(options);
    String given = trestle.getJobEndpoint();
    this.options = options;
    this.endpoint =
        given == null || given.isEmpty() ? TrestlePipelineOptions.DEFAULT_ENDPOINT : given;
    this.environment = EnvironmentType.named(trestle.getDefaultEnvironmentType());
    this.serviceTimeout =
        Duration.ofSeconds(options.as(PortablePipelineOptions.class).getJobServerTimeout());
  }

  /**
   * Makes a runner; Beam calls this.
   *
   * @throws IllegalArgumentException if there is no environment of the type that the options name
   */
  public static TrestleRunner fromOptions(PipelineOptions options) {
    return new TrestleRunner(options);
  }

  /**
   * Submits a pipeline.
   *
   * @throws JobServiceException if the service refuses the pipeline or does not answer
   * @throws IllegalArgumentException if an option makes no sense
   */
  @Override
  public TrestlePipelineResult run(Pipeline pipeline) {
    JobServiceClient service = new JobServiceClient(endpoint, serviceTimeout);
    LoopbackWorkers workers = null;
    boolean running = false;
    try {
      workers = environment == EnvironmentType.LOOPBACK ? LoopbackWorkers.start(options) : null;
      RunnerApi.Pipeline proto = translate(pipeline, workers);
      String jobId = submit(service, proto);
      running = true;
      return TrestlePipelineResult.follow(service, jobId, stepNames(proto), PATIENCE, workers);
    } finally {
      if (!running) {
        service.close();
        if (workers != null) {
          workers.close();
        }
      }
    }
  }

  private RunnerApi.Pipeline translate(Pipeline pipeline, @Nullable LoopbackWorkers workers) {
    return new PipelineEncoder(options, environment)
        .encode(pipeline, workers == null ? null : workers.address());
  }

  private String submit(JobServiceClient service, RunnerApi.Pipeline proto) {
    PrepareJobResponse prepared =
        service.prepare(
            PrepareJobRequest.newBuilder()
                .setJobName(options.getJobName())
                .setPipeline(proto)
                .setPipelineOptions(PipelineOptionsTranslation.toProto(options))
                .build());
    if (prepared.hasArtifactStagingEndpoint()) {
      new ArtifactOffer(proto, serviceTimeout)
          .stage(prepared.getArtifactStagingEndpoint(), prepared.getStagingSessionToken());
    }
    String jobId = service.run(prepared);
    LOG.info("{} runs as job {} at {}", options.getJobName(), jobId, endpoint);
    return jobId;
  }

  private static Map<String, String> stepNames(RunnerApi.Pipeline proto) {
    Map<String, String> names = new HashMap<>();
    proto
        .getComponents()
        .getTransformsMap()
        .forEach((id, transform) -> names.put(id, transform.getUniqueName()));
    return names;
  }

  @Override
  public String toString() {
    return "TrestleRunner(" + String.join(", ", List.of(endpoint, environment.name())) + ")";
  }
}
