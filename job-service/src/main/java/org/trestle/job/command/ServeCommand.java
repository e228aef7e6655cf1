package org.trestle.job.command;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.job.api.JobServer;
import org.trestle.job.config.ConfigException;
import org.trestle.job.config.ConfigSources;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.config.Setting;
import org.trestle.job.store.StateDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs the service in the foreground. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Runs the service in the foreground, until it is told to stop by SIGTERM or SIGINT.",
    footer = {
      "",
      "Prints 'ready' on a line of its own on standard output when it accepts jobs;"
          + " its log goes to standard error.",
      "Each setting can also be given as an environment variable (TRESTLE_STATE_DIR for"
          + " --state-dir) or as a line 'state-dir = ...' in the file. The flag goes before the"
          + " environment, the environment before the file.",
      "",
      "Exit codes: 143 or 130 after SIGTERM or SIGINT, 2 for a wrong setting or an address in use,"
          + " 1 for other failures."
    })
final class ServeCommand implements Callable<Integer> {
  private static final Logger logger = LoggerFactory.getLogger(ServeCommand.class);

  /** Enough for the JVM to compile also what a job needs once, which takes two hundred calls. */
  private static final int WARM_UP_JOBS = 220;

  /** Longer than a client waits between jobs that it runs one after the other. */
  private static final Duration QUIET = Duration.ofMillis(200);

  private final Map<String, String> environment;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "File of 'key = value' lines; keys are the names below without '--'.")
  private @Nullable Path file;

  ServeCommand(Map<String, String> environment) {
    this.environment = environment;
  }

  /** Adds a flag for each setting. */
  static void addSettings(CommandSpec spec) {
    for (Setting setting : Setting.values()) {
      String fallback =
          setting.defaultValue().isEmpty() ? "" : " Default: " + setting.defaultValue() + ".";
      OptionSpec.Builder option =
          OptionSpec.builder(setting.flag())
              .paramLabel(setting.placeholder())
              .type(String.class)
              .description(setting.meaning() + fallback);
      setting.bareFlag().ifPresent(value -> option.arity("0..1").fallbackValue(value));
      spec.addOption(option.build());
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    PrintWriter err = spec.commandLine().getErr();
    ServiceConfig config;
    try {
      config = configure();
    } catch (ConfigException e) {
      err.println("trestle: " + e.getMessage());
      return Trestle.USAGE;
    } catch (UnknownHostException e) {
      err.println("trestle: the host name '" + e.getMessage() + "' is unknown");
      return Trestle.USAGE;
    } catch (IOException e) {
      err.println("trestle: " + e.getMessage());
      return Trestle.USAGE;
    }
    LogSetup.setLevel(config.logLevel());
    return serve(config, err);
  }

  private ServiceConfig configure() throws IOException {
    Map<Setting, String> flags = new EnumMap<>(Setting.class);
    for (Setting setting : Setting.values()) {
      String value = spec.commandLine().getParseResult().matchedOptionValue(setting.flag(), "");
      if (!value.isEmpty()) {
        flags.put(setting, value);
      }
    }
    ServiceConfig config = ConfigSources.resolve(flags, environment, file);
    int free = freePort(config.host(), config.port());
    if (free == config.port()) {
      return config;
    }
    flags.put(Setting.PORT, Integer.toString(free));
    return ConfigSources.resolve(flags, environment, file);
  }

  /** Checks the port before anything is touched, so that the message names what is wrong. */
  private static int freePort(String host, int port) throws IOException {
    InetAddress address = InetAddress.getByName(host);
    try (ServerSocket probe = new ServerSocket()) {
      probe.bind(new InetSocketAddress(address, port));
      return probe.getLocalPort();
    } catch (IOException e) {
      throw new IOException(
          "port "
              + port
              + " on "
              + host
              + " cannot be used ("
              + e.getMessage()
              + "); choose another with --port, or stop the program that has it",
          e);
    }
  }

  private Integer serve(ServiceConfig config, PrintWriter err) throws InterruptedException {
    StateDirectory state;
    try {
      state = StateDirectory.open(config.stateDir());
    } catch (IOException e) {
      err.println("trestle: " + e.getMessage());
      return Trestle.USAGE;
    }
    JobServer server;
    try {
      server = JobServer.start(config, state, Engines.forService(config, state), Clock.systemUTC());
    } catch (IOException e) {
      state.close();
      logger.error("the service cannot start", e);
      return Trestle.REFUSED;
    }
    Optional<ExpansionProcess> expansion;
    try {
      expansion = startExpansion(config);
    } catch (IOException e) {
      server.close();
      state.close();
      err.println("trestle: " + e.getMessage());
      return Trestle.REFUSED;
    }
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  expansion.ifPresent(ExpansionProcess::close);
                  server.close();
                  state.close();
                },
                "trestle-stop"));
    logger.info(
        "jobs are accepted on {}:{}, state is kept in {}",
        config.host(),
        server.port(),
        config.stateDir());
    PrintWriter out = spec.commandLine().getOut();
    out.println("ready");
    out.flush();
    Runnable collect =
        IdleCollector.ofThisProcess().<Runnable>map(found -> found::collect).orElse(() -> {});
    server.whenIdle(QUIET, collect);
    warmUp(config, server, collect);
    server.awaitTermination();
    return 0;
  }

  private Optional<ExpansionProcess> startExpansion(ServiceConfig config)
      throws IOException, InterruptedException {
    if (config.expansionPort().isEmpty()) {
      return Optional.empty();
    }
    String home = environment.get("TRESTLE_HOME");
    if (home == null) {
      throw new IOException(
          "--expansion: the variable TRESTLE_HOME does not name the installation; start the"
              + " service with its script 'trestle'");
    }
    ExpansionProcess process =
        ExpansionProcess.start(
            Path.of(home, "trestle"), config.host(), config.expansionPort().get());
    process.awaitReady();
    return Optional.of(process);
  }

  /**
   * Runs made-up jobs beside the service until its first real one, for a while at most.
   *
   * @param collect collects the heap after them
   */
  private static void warmUp(ServiceConfig config, JobServer server, Runnable collect) {
    if (config.warmUp().isZero()) {
      return;
    }
    Thread thread =
        new Thread(
            () -> {
              try {
                int jobs =
                    WarmUp.run(
                        config.stateDir().resolve("warm-up"),
                        WARM_UP_JOBS,
                        config.warmUp(),
                        server::isIdle);
                logger.debug("warmed up with {} jobs", jobs);
                if (server.isIdle()) {
                  collect.run();
                }
              } catch (IOException | RuntimeException e) {
                // The first jobs are slower, and nothing else.
                logger.warn("the service did not warm up: {}", e.toString());
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "trestle-warm-up");
    thread.setDaemon(true);
    thread.start();
  }
}
