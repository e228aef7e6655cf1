package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import org.trestle.job.api.AdminApi;
import org.trestle.job.store.JobDescription;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Lists jobs. */
@Command(
    name = "jobs",
    mixinStandardHelpOptions = true,
    description = "Lists running and finished jobs, the newest first.")
final class JobsCommand implements Callable<Integer> {
  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (ServiceClient client = endpoint.connect()) {
      Struct answer = client.ask(AdminApi.LIST_JOBS, Struct.getDefaultInstance());
      Instant now = Instant.parse(ServiceClient.string(answer, "now"));
      List<Value> jobs =
          answer
              .getFieldsOrDefault("jobs", Value.getDefaultInstance())
              .getListValue()
              .getValuesList();
      if (jobs.isEmpty()) {
        out.println("no jobs yet");
        return 0;
      }
      TextTable table = new TextTable("ID", "NAME", "STATE", "STARTED", ">DURATION");
      for (Value value : jobs) {
        JobDescription job = JobDescription.from(value.getStructValue());
        table.add(
            job.id(),
            job.name(),
            job.state().name(),
            job.started().map(Texts::time).orElse("-"),
            Texts.duration(job.duration(now)));
      }
      table.print(out);
    }
    return 0;
  }
}
