package org.trestle.job.command;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
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

  private static Map<String, Supplier<Object>> commands(Map<String, String> environment) {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("serve", () -> new ServeCommand(environment));
    commands.put("jobs", JobsCommand::new);
    commands.put("show", ShowCommand::new);
    commands.put("logs", LogsCommand::new);
    commands.put("cancel", CancelCommand::new);
    commands.put("drain", DrainCommand::new);
    commands.put("scale", ScaleCommand::new);
    commands.put("explain", ExplainCommand::new);
    commands.put("version", VersionCommand::new);
    commands.put("warm-up", WarmUpCommand::new);
    return commands;
  }

  private static CommandLine lineOf(Map<String, Supplier<Object>> commands) {
    CommandLine line = new CommandLine(new Trestle());
    commands.values().forEach(command -> line.addSubcommand(command.get()));
    CommandLine serve = line.getSubcommands().get("serve");
    if (serve != null) {
      ServeCommand.addSettings(serve.getCommandSpec());
    }
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          PrintWriter err = command.getErr();
          err.println("trestle: " + ServiceClient.explain(failure));
          return REFUSED;
        });
    line.setUsageHelpAutoWidth(true);
    return line;
  }

  /**
   * Makes the command line for given arguments: with one command if they name it, since making all
   * of them takes longer than most of them run.
   */
  static CommandLine commandLine(Map<String, String> environment, String... arguments) {
    Map<String, Supplier<Object>> commands = commands(environment);
    if (arguments.length > 0 && commands.containsKey(arguments[0])) {
      commands.keySet().retainAll(Set.of(arguments[0]));
    }
    return lineOf(commands);
  }

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(commandLine(System.getenv(), arguments).execute(arguments));
  }
}
