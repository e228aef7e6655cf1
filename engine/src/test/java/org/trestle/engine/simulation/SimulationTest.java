package org.trestle.engine.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code -Dsimulation.runs=N}: how many seeds; {@code -Dsimulation.seed=N}: only or first one. */
final class SimulationTest {
  @Test
  void agreesWithTheReferenceOnEverySchedule() {
    Long seed = Long.getLong("simulation.seed");
    long first = seed == null ? 1 : seed;
    long runs = Long.getLong("simulation.runs", seed == null ? 2500 : 1);
    for (long next = first; next < first + runs; next++) {
      Simulation simulation = new Simulation(next, TestedCore::new);
      try {
        simulation.run();
      } catch (RuntimeException violation) {
        List<String> log = simulation.log();
        String last =
            String.join(
                "\n", seed == null ? log.subList(Math.max(0, log.size() - 30), log.size()) : log);
        fail("-Dsimulation.seed=%d: %s%n%s".formatted(next, violation, last), violation);
      }
    }
  }

  @Test
  void sameSeedGivesTheSameRun() {
    for (long seed = 1; seed <= 20; seed++) {
      Simulation first = new Simulation(seed, TestedCore::new);
      Simulation second = new Simulation(seed, TestedCore::new);
      first.run();
      second.run();
      assertThat(second.log()).isEqualTo(first.log());
    }
  }
}
