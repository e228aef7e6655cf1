package org.trestle.engine.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * {@code -Dsimulation.streams=N}: how many seeds; {@code -Dsimulation.stream=N}: only or first one.
 */
final class StreamSimulationTest {
  @Test
  void agreesWithTheReferenceOnEverySchedule() {
    Long seed = Long.getLong("simulation.stream");
    long first = seed == null ? 1 : seed;
    long runs = Long.getLong("simulation.streams", seed == null ? 10_000 : 1);
    Map<String, Long> counts = new TreeMap<>();
    for (long next = first; next < first + runs; next++) {
      StreamSimulation simulation = new StreamSimulation(next);
      try {
        simulation.run();
      } catch (AssertionError | RuntimeException violation) {
        List<String> log = simulation.log();
        String last =
            String.join(
                "\n", seed == null ? log.subList(Math.max(0, log.size() - 30), log.size()) : log);
        fail("-Dsimulation.stream=%d: %s%n%s".formatted(next, violation, last), violation);
      }
      simulation.counts().forEach((what, times) -> counts.merge(what, times, Long::sum));
    }
    if (seed == null) {
      assertThat(counts)
          .as("what the schedules have met")
          .containsOnlyKeys(
              "EARLY panes",
              "EVENT_TIME timers",
              "LATE panes",
              "ON_TIME panes",
              "PROCESSING_TIME timers",
              "checkpoints",
              "dropped as closed",
              "dropped as late",
              "failures of sink",
              "failures of source",
              "failures of timers",
              "splits");
      assertThat(counts.values()).allMatch(times -> times > runs / 20, "often: " + counts);
    }
  }
}
