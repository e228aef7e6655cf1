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
  private static final String IN_EACH = " In each of its environments.";

  private RunnerOptions() {}

  static DescribePipelineOptionsResponse describe() {
    return DescribePipelineOptionsResponse.newBuilder()
        .addOptions(
            option("job_name", PipelineOptionType.Enum.STRING, "Name the job is listed under."))
        .addOptions(workers("num_workers", "How many workers a job begins with."))
        .addOptions(workers("min_num_workers", "How many workers a job has at least."))
        .addOptions(workers("max_num_workers", "How many workers a job has at most."))
        .addOptions(
            option(
                "autoscaling_algorithm",
                PipelineOptionType.Enum.STRING,
                "NONE keeps the number of workers as it is at first."))
        .build();
  }

  private static PipelineOptionDescriptor workers(String name, String description) {
    return option(name, PipelineOptionType.Enum.INTEGER, description + IN_EACH);
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
