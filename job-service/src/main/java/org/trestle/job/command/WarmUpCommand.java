package org.trestle.job.command;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.trestle.engine.execute.Engine;
import org.trestle.fn.server.FnServer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Runs made-up jobs, loads Trestle's own classes, and ends. The launcher runs it once after a build
 * to record the classes in an archive that later starts map instead of parsing.
 */
@Command(
    name = "warm-up",
    hidden = true,
    mixinStandardHelpOptions = true,
    description = "Loads what a service needs and ends; for the launcher.")
final class WarmUpCommand implements Callable<Integer> {
  /** So many that all that a job needs is loaded, also what its end does later. */
  private static final int JOBS = 3;

  private static final Duration TIME = Duration.ofSeconds(20);

  @Parameters(paramLabel = "DIR", description = "An empty directory.")
  private Path directory = Path.of(".");

  @Override
  public Integer call() throws IOException, InterruptedException, URISyntaxException {
    LogSetup.setLevel("warn");
    var unused = WarmUp.run(directory, JOBS, TIME, () -> true);
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
