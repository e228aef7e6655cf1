package org.trestle.job.run;

import com.google.protobuf.Struct;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.execute.Engine.JobSpec;
import org.trestle.engine.execute.JobExecution;
import org.trestle.engine.execute.JobListener;
import org.trestle.engine.execute.PreparedJob;
import org.trestle.job.artifact.ArtifactLimits;
import org.trestle.job.artifact.BlobStore;
import org.trestle.job.artifact.StagedArtifacts;
import org.trestle.job.artifact.Staging;
import org.trestle.job.artifact.Staging.Finished;

/**
 * A checked pipeline that waits for its artifacts and to be run. Safe for use by several threads.
 */
public final class Preparation {
  /** How the capability that names the SDK and its version starts. */
  private static final String PYTHON_SDK = "beam:version:sdk_base:apache/beam_python";

  private final String id;
  private final String stagingToken;
  private final String jobId;
  private final String jobName;
  private final Struct options;
  private final Instant time;
  private final Pipeline pipeline;
  private final PreparedJob job;
  private final BlobStore store;

  // guarded by this
  private @Nullable Finished staged;

  Preparation(
      String id,
      String stagingToken,
      String jobId,
      String jobName,
      Struct options,
      Instant time,
      Pipeline pipeline,
      PreparedJob job,
      BlobStore store) {
    this.id = id;
    this.stagingToken = stagingToken;
    this.jobId = jobId;
    this.jobName = jobName;
    this.options = options;
    this.time = time;
    this.pipeline = pipeline;
    this.job = job;
    this.store = store;
  }

  /** Names the preparation to Run. */
  public String id() {
    return id;
  }

  /** Names the preparation to the artifact staging service; not guessable. */
  public String stagingToken() {
    return stagingToken;
  }

  /** The id of the job once it runs. */
  String jobId() {
    return jobId;
  }

  String jobName() {
    return jobName;
  }

  Struct options() {
    return options;
  }

  Instant time() {
    return time;
  }

  int bytes() {
    return pipeline.getSerializedSize();
  }

  /**
   * Whether the client will call the artifact staging service. Python's does not when it is told of
   * none, which saves it a connection where there is nothing to stage; others call it in any case.
   */
  public boolean expectsStaging() {
    var environments = pipeline.getComponents().getEnvironmentsMap().values();
    return environments.isEmpty()
        || environments.stream()
            .anyMatch(
                environment ->
                    environment.getDependenciesCount() > 0
                        || environment.getCapabilitiesList().stream()
                            .noneMatch(urn -> urn.startsWith(PYTHON_SDK)));
  }

  /** Starts to stage the artifacts of the pipeline's environments. */
  Staging stage(ArtifactLimits limits) {
    Map<String, List<ArtifactInformation>> dependencies = new TreeMap<>();
    pipeline
        .getComponents()
        .getEnvironmentsMap()
        .forEach((env, value) -> dependencies.put(env, value.getDependenciesList()));
    return new Staging(dependencies, store, limits);
  }

  /** Takes the result of a staging. */
  public synchronized void staged(Finished result) {
    staged = result;
  }

  synchronized StagedArtifacts artifacts() {
    Finished result = staged;
    return result == null ? StagedArtifacts.none(store) : result.artifacts();
  }

  /** Starts the job with what was staged for it. */
  JobExecution start(JobListener listener) {
    return job.start(new JobSpec(jobId, jobName, pipeline(), options, artifacts()), listener);
  }

  /** Lets go of a job that will not be started. */
  void discard() {
    job.discard();
  }

  /** The pipeline; its environments point at staged artifacts if they were staged. */
  synchronized Pipeline pipeline() {
    Finished result = staged;
    if (result == null || result.dependencies().isEmpty()) {
      return pipeline;
    }
    Pipeline.Builder rewritten = pipeline.toBuilder();
    result
        .dependencies()
        .forEach(
            (env, dependencies) -> {
              Environment environment =
                  pipeline.getComponents().getEnvironmentsOrThrow(env).toBuilder()
                      .clearDependencies()
                      .addAllDependencies(dependencies)
                      .build();
              rewritten.getComponentsBuilder().putEnvironments(env, environment);
            });
    return rewritten.build();
  }
}
