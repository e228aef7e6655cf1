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
import org.trestle.job.artifact.ArtifactLimits;
import org.trestle.job.artifact.BlobStore;
import org.trestle.job.artifact.StagedArtifacts;
import org.trestle.job.artifact.Staging;
import org.trestle.job.artifact.Staging.Finished;

/**
 * A checked pipeline that waits for its artifacts and to be run. Safe for use by several threads.
 */
public final class Preparation {
  private final String id;
  private final String stagingToken;
  private final String jobName;
  private final Struct options;
  private final Instant time;
  private final Pipeline pipeline;
  private final BlobStore store;

  // guarded by this
  private @Nullable Finished staged;

  Preparation(
      String id,
      String stagingToken,
      String jobName,
      Struct options,
      Instant time,
      Pipeline pipeline,
      BlobStore store) {
    this.id = id;
    this.stagingToken = stagingToken;
    this.jobName = jobName;
    this.options = options;
    this.time = time;
    this.pipeline = pipeline;
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
