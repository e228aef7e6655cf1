package org.trestle.job.api;

import org.apache.beam.model.jobmanagement.v1.JobApi.DescribePipelineOptionsResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.PipelineOptionDescriptor;
import org.apache.beam.model.jobmanagement.v1.JobApi.PipelineOptionType;

/**
 * The pipeline options Trestle reads. Python adds them to its command line, so that a user may give
 * them without the SDK knowing them; none has a default there.
 */
final class RunnerOptions {
  private static final String GROUP = "Trestle";

  private RunnerOptions() {}

  static DescribePipelineOptionsResponse describe() {
    return DescribePipelineOptionsResponse.newBuilder()
        .addOptions(
            option("job_name", PipelineOptionType.Enum.STRING, "Name the job is listed under."))
        .build();
  }

  private static PipelineOptionDescriptor option(
      String name, PipelineOptionType.Enum type, String description) {
    return PipelineOptionDescriptor.newBuilder()
        .setName(name)
        .setType(type)
        .setDescription(description)
        .setGroup(GROUP)
        .build();
  }
}
