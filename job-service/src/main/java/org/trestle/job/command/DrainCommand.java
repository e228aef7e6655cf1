package org.trestle.job.command;

import org.apache.beam.model.jobmanagement.v1.JobApi.DrainJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import picocli.CommandLine.Command;

/** Drains a job. */
@Command(
    name = "drain",
    mixinStandardHelpOptions = true,
    description =
        "Lets a streaming job come to its end: sources stop, windows close, nothing is lost.")
final class DrainCommand extends EndCommand {
  @Override
  JobState.Enum ask(ServiceClient client, String jobId) {
    return client.jobs().drain(DrainJobRequest.newBuilder().setJobId(jobId).build()).getState();
  }
}
