package org.trestle.engine.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * {@code -Dsimulation.streams=N}: how many seeds; {@code -Dsimulation.stream=N}: only or first one.
 */
final class StreamSimulationTest {
  @Test
  void agreesWithTheReferenceOnEverySchedule() {
    Seeds seeds = new Seeds("simulation.stream", "simulation.streams", 10_000);
    Map<String, Long> counts = new TreeMap<>();
    seeds.runEach(
        StreamSimulation::new,
        run -> run.counts().forEach((what, times) -> counts.merge(what, times, Long::sum)));
    if (!seeds.named()) {
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
      assertThat(counts.values()).allMatch(times -> times > seeds.runs() / 20, "often: " + counts);
    }
  }
}
