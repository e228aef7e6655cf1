package org.trestle.job.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.trestle.job.api.JobServer;
import org.trestle.job.config.ConfigSources;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.config.Setting;
import org.trestle.job.rehearsal.Rehearsal;
import org.trestle.job.store.StateDirectory;

/**
 * Runs made-up jobs in a second service of this process, which no user sees: it has a directory and
 * a loopback port of its own. What the JVM loads and compiles for it serves the first one too.
 */
final class WarmUp {
  private static final long LONGEST_PAUSE_MILLIS = 200;

  /** One of so many jobs has much data. */
  private static final int LARGE_EVERY = 20;

  private WarmUp() {}

  /**
   * Runs jobs until there were enough, the time is over, or it is told to stop; the first job runs
   * in any case. After each one it rests for as long as that took, so that a client which is being
   * started meanwhile gets its share of few cores.
   *
   * @param directory used by nobody else; deleted at the end
   * @param most how many jobs are enough
   * @param goOn asked between jobs
   * @return how many jobs were done
   * @throws IOException if a job fails, or the second service cannot be started
   */
  static int run(Path directory, int most, Duration time, BooleanSupplier goOn)
      throws IOException, InterruptedException {
    Map<Setting, String> flags = new EnumMap<>(Setting.class);
    flags.put(Setting.PORT, "0");
    flags.put(Setting.STATE_DIR, directory.toString());
    flags.put(Setting.MEMORY, "64MiB");
    flags.put(Setting.JOB_RETENTION, "1");
    ServiceConfig config = ConfigSources.resolve(flags, Map.of(), null);
    long end = System.nanoTime() + time.toNanos();
    try (StateDirectory state = StateDirectory.open(config.stateDir());
        JobServer server =
            JobServer.start(config, state, Engines.forService(config, state), Clock.systemUTC());
        Rehearsal rehearsal = Rehearsal.at("127.0.0.1:" + server.port())) {
      for (int done = 1; ; done++) {
        long begun = System.nanoTime();
        rehearsal.run(done % LARGE_EVERY == 0, goOn);
        if (done == most || System.nanoTime() - end >= 0 || !goOn.getAsBoolean()) {
          return done;
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
        Thread.sleep(Math.min(millis, LONGEST_PAUSE_MILLIS));
      }
    } finally {
      delete(directory);
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
