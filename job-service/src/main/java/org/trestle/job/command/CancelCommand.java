package org.trestle.job.command;

import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import picocli.CommandLine.Command;

/** Cancels a job. */
@Command(
    name = "cancel",
    mixinStandardHelpOptions = true,
    description = "Asks a job to stop, and returns at once.")
final class CancelCommand extends EndCommand {
  @Override
  JobState.Enum ask(ServiceClient client, String jobId) {
    return client.jobs().cancel(CancelJobRequest.newBuilder().setJobId(jobId).build()).getState();
  }
}
