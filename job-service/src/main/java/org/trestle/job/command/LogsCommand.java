package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.Iterator;
import java.util.concurrent.Callable;
import org.trestle.job.api.AdminApi;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints the history of a job. */
@Command(
    name = "logs",
    mixinStandardHelpOptions = true,
    description = "Prints a job's states, messages, and the log entries of its workers.")
final class LogsCommand implements Callable<Integer> {
  @Mixin private EndpointOption endpoint = new EndpointOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "JOB",
      description = "The job's id, its beginning, or 'last'. Default: last.",
      defaultValue = "last")
  private String reference = "last";

  @Option(
      names = {"-f", "--follow"},
      description = "Goes on until the job ends.")
  private boolean follow;

  @Option(
      names = "--worker",
      paramLabel = "ID",
      description = "Only log entries of this worker.",
      defaultValue = "")
  private String worker = "";

  @Option(
      names = "--severity",
      paramLabel = "LEVEL",
      description =
          "Only log entries this severe or more: trace, debug, info, notice, warn, error,"
              + " critical.",
      defaultValue = "")
  private String severity = "";

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    Struct request =
        ServiceClient.job(reference).toBuilder()
            .putFields("follow", Value.newBuilder().setBoolValue(follow).build())
            .putFields("worker", ServiceClient.text(worker))
            .putFields("severity", ServiceClient.text(severity))
            .build();
    try (ServiceClient client = endpoint.connect()) {
      Iterator<Struct> events = client.read(AdminApi.READ_LOGS, request);
      while (events.hasNext()) {
        out.println(line(events.next()));
        out.flush();
      }
    }
    return 0;
  }

  private static String line(Struct event) {
    String time = Texts.fineTime(Instant.parse(field(event, "time")));
    return switch (field(event, "kind")) {
      case "state" -> time + " state " + field(event, "state");
      case "message" ->
          time
              + " "
              + field(event, "importance").replace("JOB_MESSAGE_", "")
              + " "
              + field(event, "text");
      default -> {
        StringBuilder text = new StringBuilder(time);
        for (String name : new String[] {"severity", "worker", "transform", "location"}) {
          if (!field(event, name).isEmpty()) {
            text.append(' ').append(field(event, name));
          }
        }
        yield text.append(": ").append(field(event, "text")).toString();
      }
    };
  }

  private static String field(Struct event, String name) {
    return ServiceClient.string(event, name);
  }
}
