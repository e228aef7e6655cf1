package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.concurrent.Callable;
import org.apache.beam.model.jobmanagement.v1.JobApi.CancelJobRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.trestle.job.api.AdminApi;
import org.trestle.job.store.JobDescription;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Cancels a job. */
@Command(
    name = "cancel",
    mixinStandardHelpOptions = true,
    description = "Asks a job to stop, and returns at once.")
final class CancelCommand implements Callable<Integer> {
  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "JOB", description = "The job's id, its beginning, or 'last'.")
  private String reference = "";

  @Override
  public Integer call() {
    try (ServiceClient client = endpoint.connect()) {
      Struct answer = client.ask(AdminApi.SHOW_JOB, ServiceClient.job(reference));
      String id =
          JobDescription.from(
                  answer.getFieldsOrDefault("job", Value.getDefaultInstance()).getStructValue())
              .id();
      JobState.Enum state =
          client.jobs().cancel(CancelJobRequest.newBuilder().setJobId(id).build()).getState();
      spec.commandLine().getOut().println(id + " " + state);
    }
    return 0;
  }
}
