package org.trestle.job.command;

import java.io.PrintWriter;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code trestle} command. */
@Command(
    name = "trestle",
    mixinStandardHelpOptions = true,
    versionProvider = VersionCommand.class,
    description = "Runs Apache Beam pipelines of any SDK.",
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "'trestle COMMAND --help' tells more about a command.",
      "A job is named by its id, the beginning of its id, or 'last'."
    })
public final class Trestle implements Runnable {
  /** Exit code for a wrong command line or configuration, or an address in use. */
  static final int USAGE = 2;

  /** Exit code for what the service refused, or if there is no service. */
  static final int REFUSED = 1;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed");
  }

  /** Makes the command line with all its commands. */
  static CommandLine commandLine(Map<String, String> environment) {
    CommandLine serve = new CommandLine(new ServeCommand(environment));
    ServeCommand.addSettings(serve.getCommandSpec());
    CommandLine line =
        new CommandLine(new Trestle())
            .addSubcommand(serve)
            .addSubcommand(new JobsCommand())
            .addSubcommand(new ShowCommand())
            .addSubcommand(new LogsCommand())
            .addSubcommand(new CancelCommand())
            .addSubcommand(new ExplainCommand())
            .addSubcommand(new VersionCommand());
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          PrintWriter err = command.getErr();
          err.println("trestle: " + ServiceClient.explain(failure));
          return REFUSED;
        });
    line.setUsageHelpAutoWidth(true);
    return line;
  }

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(commandLine(System.getenv()).execute(arguments));
  }
}
