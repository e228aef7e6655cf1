package org.trestle.engine.execute;

import com.google.protobuf.Struct;
import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.fn.control.WorkerSpec.ArtifactReader;

/** Runs pipelines. Safe for use by several threads. */
public interface Engine extends AutoCloseable {

  /**
   * Checks a pipeline without running anything.
   *
   * @return every problem found, each naming the transform, PCollection, coder, windowing strategy,
   *     environment or requirement it is about and what to do; empty if the pipeline can run
   */
  List<String> check(Pipeline pipeline);

  /** Describes the fused graph in text: stages, their transforms, and why each barrier is there. */
  String explain(Pipeline pipeline);

  /**
   * Checks and plans a job, so that it can be started. Waits up to some seconds for what runs its
   * environments.
   *
   * @param jobId the id the job will have
   * @param options as the SDK sent them ({@code beam:option:NAME:v1})
   * @throws org.trestle.engine.graph.InvalidPipelineException if the pipeline has problems, see
   *     {@link #check}, or an environment cannot be had here
   */
  PreparedJob prepare(String jobId, Pipeline pipeline, Struct options);

  @Override
  void close();

  /**
   * A job to run.
   *
   * @param options as the SDK sent them ({@code beam:option:NAME:v1})
   */
  record JobSpec(
      String jobId, String jobName, Pipeline pipeline, Struct options, ArtifactReader artifacts) {}
}
