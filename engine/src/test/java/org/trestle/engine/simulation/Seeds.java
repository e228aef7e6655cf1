package org.trestle.engine.simulation;

import static org.assertj.core.api.Assertions.fail;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongFunction;

/**
 * The seeds that a test runs: many, or those that system properties say.
 *
 * @param seedProperty names the only or first seed
 * @param runsProperty names how many
 */
record Seeds(String seedProperty, String runsProperty, long defaultRuns) {

  /** Whether a seed was named, to look at its run. */
  boolean named() {
    return Long.getLong(seedProperty) != null;
  }

  long runs() {
    return Long.getLong(runsProperty, named() ? 1 : defaultRuns);
  }

  /**
   * Runs one seed after the other; fails with the log's end, or with all of it for a named seed.
   */
  <T extends RandomRun> void runEach(LongFunction<T> simulation, Consumer<T> then) {
    long first = Long.getLong(seedProperty, 1);
    for (long seed = first; seed < first + runs(); seed++) {
      T run = simulation.apply(seed);
      try {
        run.run();
      } catch (AssertionError | RuntimeException violation) {
        List<String> log = run.log();
        String last =
            String.join(
                "\n", named() ? log : log.subList(Math.max(0, log.size() - 30), log.size()));
        fail("-D%s=%d: %s%n%s".formatted(seedProperty, seed, violation, last), violation);
      }
      then.accept(run);
    }
  }
}
