package org.trestle.client;

import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.FileStagingOptions;
import org.apache.beam.sdk.options.PipelineOptions;
import org.jspecify.annotations.Nullable;

/**
 * Options of pipelines that {@link TrestleRunner} submits.
 *
 * <p>The properties are those of Beam's {@code PortablePipelineOptions}, which stay usable; here
 * none is required. A default cannot be declared on them, as all interfaces with a property must
 * declare the same one: {@link TrestleRunner} fills in what is absent.
 */
public interface TrestlePipelineOptions extends FileStagingOptions {
  /** The endpoint when none is given: the port that {@code trestle serve} binds. */
  String DEFAULT_ENDPOINT = "localhost:8073";

  /** Address of the job service, {@code HOST:PORT}; {@value #DEFAULT_ENDPOINT} if absent. */
  @Description("Address of the job service, HOST:PORT. Default: " + DEFAULT_ENDPOINT)
  @Nullable String getJobEndpoint();

  /** Sets the address of the job service. */
  void setJobEndpoint(@Nullable String value);

  /** Where the user's code runs: the name of an {@link EnvironmentType}; LOOPBACK if absent. */
  @Description(
      "Where the user's code runs: LOOPBACK (in this process, which must stay until the job ends),"
          + " EXTERNAL (in a worker pool that is running), PROCESS (a command on the service's"
          + " machine), DOCKER, or DEFAULT (what the service chooses). Default: LOOPBACK")
  @Nullable String getDefaultEnvironmentType();

  /** Sets where the user's code runs. */
  void setDefaultEnvironmentType(@Nullable String value);

  /** What the environment needs to know, by its type. */
  @Description(
      "For EXTERNAL the pool's HOST:PORT, for PROCESS {\"command\": \"...\"}, for DOCKER the image")
  @Nullable String getDefaultEnvironmentConfig();

  /** Sets what the environment needs to know. */
  void setDefaultEnvironmentConfig(@Nullable String value);

  /** How many workers the job begins with in each environment; what the service chooses if 0. */
  @Description("How many workers the job begins with. Default: what the service chooses")
  int getNumWorkers();

  /** Sets how many workers the job begins with. */
  void setNumWorkers(int value);

  /** How many workers the job may have in each environment; what the service chooses if 0. */
  @Description("How many workers the job may have. Default: what the service chooses")
  int getMaxNumWorkers();

  /** Sets how many workers the job may have. */
  void setMaxNumWorkers(int value);

  /** The options as these, for callers that have another view of them. */
  static TrestlePipelineOptions of(PipelineOptions options) {
    return options.as(TrestlePipelineOptions.class);
  }
}
