package org.trestle.engine.core.schedule;

import java.util.List;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;

/**
 * What the core knows of a job: stages in topological order, and the edges between them.
 *
 * @param initial elements that are there from the start (impulses), given to the edges' consumers;
 *     an edge without producers is complete after these
 * @param testStreams sources whose events come one at a time, each when nothing is left to do
 * @param ownClock whether processing time is what the TestStreams say instead of what {@code tick}
 *     says; when they have ended, it jumps to whatever comes next
 */
public record JobPlan(
    List<StageSpec> stages,
    List<EdgeId> edges,
    List<EdgeOutput> initial,
    int keyGroups,
    List<TestStreamSpec> testStreams,
    boolean ownClock) {

  public JobPlan {
    stages = List.copyOf(stages);
    edges = List.copyOf(edges);
    initial = List.copyOf(initial);
    testStreams = List.copyOf(testStreams);
  }

  /** A plan without TestStreams. */
  public JobPlan(
      List<StageSpec> stages, List<EdgeId> edges, List<EdgeOutput> initial, int keyGroups) {
    this(stages, edges, initial, keyGroups, List.of(), false);
  }

  /**
   * A TestStream.
   *
   * @param id names it in events
   * @param outputs the edges that it writes
   */
  public record TestStreamSpec(String id, List<EdgeId> outputs) {

    public TestStreamSpec {
      outputs = List.copyOf(outputs);
    }
  }

  /**
   * A stage.
   *
   * @param pool names the pool of slots that its bundles need (an SDK environment, or the runner's
   *     own threads)
   * @param keyed one key group is in one bundle at a time; elements come as key group blocks
   * @param closes wants one closing bundle per key group that ever had input, once the input
   *     watermark is at the end of time and nothing is pending (a grouping of bounded input)
   * @param inputs main input edges (several for a flatten; an edge listed twice counts twice)
   * @param sideInputs edges that must be complete before a bundle of this stage may run
   * @param outputs edges written by this stage
   */
  public record StageSpec(
      StageId id,
      String pool,
      boolean keyed,
      boolean closes,
      List<EdgeId> inputs,
      List<EdgeId> sideInputs,
      List<EdgeId> outputs) {

    public StageSpec {
      inputs = List.copyOf(inputs);
      sideInputs = List.copyOf(sideInputs);
      outputs = List.copyOf(outputs);
    }
  }
}
