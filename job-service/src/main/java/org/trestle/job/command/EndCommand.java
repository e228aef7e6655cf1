package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.concurrent.Callable;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.trestle.job.api.AdminApi;
import org.trestle.job.store.JobDescription;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Asks a job to come to its end, and prints the state it is in then. */
abstract class EndCommand implements Callable<Integer> {
  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "JOB", description = "The job's id, its beginning, or 'last'.")
  private String reference = "";

  /** Asks for it; returns the job's state. */
  abstract JobState.Enum ask(ServiceClient client, String jobId);

  @Override
  public Integer call() {
    try (ServiceClient client = endpoint.connect()) {
      Struct answer = client.ask(AdminApi.SHOW_JOB, ServiceClient.job(reference));
      String id =
          JobDescription.from(
                  answer.getFieldsOrDefault("job", Value.getDefaultInstance()).getStructValue())
              .id();
      spec.commandLine().getOut().println(id + " " + ask(client, id));
    }
    return 0;
  }
}
