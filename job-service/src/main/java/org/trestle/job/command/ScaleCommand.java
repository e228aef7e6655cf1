package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.concurrent.Callable;
import org.trestle.job.api.AdminApi;
import org.trestle.job.store.JobDescription;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Sets how many workers a running job may have. */
@Command(
    name = "scale",
    mixinStandardHelpOptions = true,
    description = "Sets how many workers a running job may have in each of its environments.")
final class ScaleCommand implements Callable<Integer> {
  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "JOB", description = "The job's id, its beginning, or 'last'.")
  private String reference = "";

  @Option(
      names = "--min",
      paramLabel = "N",
      defaultValue = "1",
      description = "It never has fewer (${DEFAULT-VALUE}).")
  private int min;

  @Option(names = "--max", paramLabel = "M", required = true, description = "It never has more.")
  private int max;

  @Override
  public Integer call() {
    try (ServiceClient client = endpoint.connect()) {
      Struct request =
          ServiceClient.job(reference).toBuilder()
              .putFields("min", Value.newBuilder().setNumberValue(min).build())
              .putFields("max", Value.newBuilder().setNumberValue(max).build())
              .build();
      Struct answer = client.ask(AdminApi.SCALE_JOB, request);
      String id =
          JobDescription.from(
                  answer.getFieldsOrDefault("job", Value.getDefaultInstance()).getStructValue())
              .id();
      spec.commandLine()
          .getOut()
          .println(id + " may have between " + min + " and " + max + " workers");
    }
    return 0;
  }
}
