package org.trestle.engine.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** {@code -Dsimulation.runs=N}: how many seeds; {@code -Dsimulation.seed=N}: only or first one. */
final class SimulationTest {
  @Test
  void agreesWithTheReferenceOnEverySchedule() {
    new Seeds("simulation.seed", "simulation.runs", 2500)
        .runEach(seed -> new Simulation(seed, TestedCore::new), run -> {});
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
