package org.trestle.fn.control;

import com.google.protobuf.Struct;
import java.util.List;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.jspecify.annotations.Nullable;

/**
 * What a harness may know and do, given before it connects.
 *
 * @param jobId the job the worker works for
 * @param environmentId the environment of the job's pipeline it was started for
 * @param pipelineOptions the job's options, for the provision service
 * @param dependencies artifacts of the environment, for the provision service
 * @param artifacts reads an artifact's bytes for the artifact retrieval service
 * @param descriptors finds a process bundle descriptor by id, or null
 * @param logs takes each log entry of the harness (any thread)
 */
public record WorkerSpec(
    String jobId,
    String environmentId,
    Struct pipelineOptions,
    List<ArtifactInformation> dependencies,
    ArtifactReader artifacts,
    Function<String, @Nullable ProcessBundleDescriptor> descriptors,
    LogSink logs) {

  /** Takes the log entries of a worker. */
  @FunctionalInterface
  public interface LogSink {
    void log(String workerId, LogEntry entry);
  }

  /** Opens artifacts that the job's client staged. */
  @FunctionalInterface
  public interface ArtifactReader {
    /**
     * Opens an artifact for reading.
     *
     * @throws java.io.IOException if the artifact is unknown to the job or cannot be read
     */
    java.io.InputStream open(ArtifactInformation artifact) throws java.io.IOException;
  }
}
