package org.trestle.job.command;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Clock;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.beam.model.jobmanagement.v1.JobApi.DescribePipelineOptionsRequest;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobRequest;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.execute.Engine;
import org.trestle.fn.server.FnServer;
import org.trestle.job.api.JobServer;
import org.trestle.job.config.ConfigSources;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.config.Setting;
import org.trestle.job.store.StateDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Starts a service, asks it something, loads Trestle's own classes, and ends. The launcher runs it
 * once after a build to record the classes in an archive that later starts map instead of parsing.
 */
@Command(
    name = "warm-up",
    hidden = true,
    mixinStandardHelpOptions = true,
    description = "Loads what a service needs and ends; for the launcher.")
final class WarmUpCommand implements Callable<Integer> {
  private final Map<String, String> environment;

  @Parameters(paramLabel = "DIR", description = "An empty directory.")
  private Path directory = Path.of(".");

  WarmUpCommand(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public Integer call() throws IOException, URISyntaxException {
    LogSetup.setLevel("warn");
    Map<Setting, String> flags = new EnumMap<>(Setting.class);
    flags.put(Setting.PORT, "0");
    flags.put(Setting.STATE_DIR, directory.toString());
    ServiceConfig config = ConfigSources.resolve(flags, environment, null);
    try (StateDirectory state = StateDirectory.open(config.stateDir());
        JobServer server =
            JobServer.start(config, state, Engines.forService(config, state), Clock.systemUTC());
        ServiceClient client = ServiceClient.connect("localhost:" + server.port())) {
      var options =
          client
              .jobs()
              .describePipelineOptions(DescribePipelineOptionsRequest.getDefaultInstance());
      var unused =
          client
              .jobs()
              .prepare(
                  PrepareJobRequest.newBuilder()
                      .setJobName(options.getOptions(0).getName())
                      .setPipeline(Pipeline.getDefaultInstance())
                      .build());
    } catch (io.grpc.StatusRuntimeException refused) {
      // An empty pipeline may be refused; the way there is what counts.
    }
    for (Class<?> inJar : new Class<?>[] {Trestle.class, Engine.class, FnServer.class}) {
      loadAll(inJar);
    }
    return 0;
  }

  private static void loadAll(Class<?> inJar) throws IOException, URISyntaxException {
    CodeSource source = inJar.getProtectionDomain().getCodeSource();
    Path jar = source == null ? Path.of("") : Path.of(source.getLocation().toURI());
    if (!Files.isRegularFile(jar)) {
      return;
    }
    try (JarFile classes = new JarFile(jar.toFile())) {
      for (JarEntry entry : (Iterable<JarEntry>) classes.stream()::iterator) {
        String name = entry.getName();
        if (name.endsWith(".class") && !name.endsWith("-info.class")) {
          load(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
        }
      }
    }
  }

  private static void load(String name) {
    try {
      var unused = Class.forName(name, false, WarmUpCommand.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      throw new IllegalStateException("a class of the build cannot be loaded: " + name, e);
    }
  }
}
