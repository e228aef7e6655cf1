package org.trestle.expansion;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code trestle expansion}. */
@Command(
    name = "expansion",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Offers Java transforms to pipelines in other languages, until it is told to stop by"
            + " SIGTERM or SIGINT.",
    footer = {
      "",
      "Prints 'ready' on a line of its own on standard output when it accepts requests.",
      "Exit codes: 143 or 130 after SIGTERM or SIGINT, 2 for a wrong option or an address in use."
    })
public final class ExpansionCommand implements Callable<Integer> {
  private static final Logger logger = LoggerFactory.getLogger(ExpansionCommand.class);
  private static final int USAGE = 2;

  /** Names the file that {@link WarmUp} has written. */
  private static final String DIGESTS_PROPERTY = "trestle.expansion.jar-digests";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--host",
      defaultValue = "127.0.0.1",
      description = "Address to bind to. Default: ${DEFAULT-VALUE}.")
  private String host = "";

  @Option(
      names = "--port",
      defaultValue = "8097",
      description = "Port to listen on; 0 picks a free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--jar",
      paramLabel = "FILE",
      description = "Jar with further transforms, drivers or what these need; can be repeated.")
  private List<Path> jars = new ArrayList<>();

  @Option(
      names = "--class-allow-list",
      paramLabel = "FILE",
      description =
          "Beam's YAML file of the Java classes that may be looked up by name, or '*' for all."
              + " Without it none may.")
  private @Nullable String classAllowList;

  @Option(names = "--with-parent", description = "End when the process that started this one ends.")
  private boolean withParent;

  private ExpansionCommand() {}

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new ExpansionCommand());
  }

  @Override
  public Integer call() throws InterruptedException {
    ExpansionServer server;
    try {
      server = start();
    } catch (UnknownHostException e) {
      return refuse("the host name '" + e.getMessage() + "' is unknown");
    } catch (IOException e) {
      Throwable cause = e.getCause();
      String reason = e.getMessage() + (cause == null ? "" : " (" + cause.getMessage() + ")");
      return refuse(reason + "; choose another address with --host and --port");
    } catch (IllegalArgumentException e) {
      return refuse(String.valueOf(e.getMessage()));
    }
    Runtime.getRuntime().addShutdownHook(new Thread(server::close, "expansion-stop"));
    if (withParent) {
      endWithParent();
    }
    logger.info("expansions are served on {}:{}", host, server.port());
    PrintWriter out = spec.commandLine().getOut();
    out.println("ready");
    out.flush();
    server.awaitTermination();
    return 0;
  }

  private int refuse(String reason) {
    spec.commandLine().getErr().println("trestle: " + reason);
    return USAGE;
  }

  private ExpansionServer start() throws IOException {
    for (Path jar : jars) {
      if (!Files.isReadable(jar)) {
        throw new IllegalArgumentException("--jar: " + jar + " cannot be read");
      }
    }
    ClassLoader transforms = classLoader();
    // Beam looks for transforms and options with the class loader of the calling thread.
    Thread.currentThread().setContextClassLoader(transforms);
    List<Path> staged =
        Stream.concat(
                StagedJars.ofClassPath(System.getProperty("java.class.path", "")).stream(),
                jars.stream().map(Path::toAbsolutePath))
            .toList();
    return ExpansionServer.start(
        new InetSocketAddress(InetAddress.getByName(host), port),
        transforms,
        new StagedJars(staged, digests()),
        classAllowList);
  }

  private static JarDigests digests() {
    String file = System.getProperty(DIGESTS_PROPERTY, "");
    return file.isEmpty() ? JarDigests.none() : JarDigests.read(Path.of(file));
  }

  private ClassLoader classLoader() throws MalformedURLException {
    ClassLoader own = ExpansionCommand.class.getClassLoader();
    if (jars.isEmpty()) {
      return own;
    }
    URL[] urls = new URL[jars.size()];
    for (int i = 0; i < urls.length; i++) {
      urls[i] = jars.get(i).toUri().toURL();
    }
    // Open as long as the process.
    return new URLClassLoader("transforms", urls, own);
  }

  private static void endWithParent() {
    ProcessHandle.current()
        .parent()
        .ifPresent(
            parent -> {
              var unused = parent.onExit().thenRun(() -> System.exit(0));
            });
  }
}
