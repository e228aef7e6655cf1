package org.trestle.engine.core.schedule;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.SideInputGate;

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
   * @param closes wants one closing bundle per key group that ever had input, with the last of it
   *     or after it, once the inputs are complete (a grouping of bounded input)
   * @param inputs main input edges (several for a flatten; an edge listed twice counts twice)
   * @param sideInputs edges that bundles of this stage read besides their elements
   * @param outputs edges written by this stage
   * @param gate says which elements may run as to the side inputs, for this stage alone; if null,
   *     all side inputs must be complete before any bundle may run
   */
  public record StageSpec(
      StageId id,
      String pool,
      boolean keyed,
      boolean closes,
      List<EdgeId> inputs,
      List<EdgeId> sideInputs,
      List<EdgeId> outputs,
      @Nullable SideInputGate gate) {

    public StageSpec {
      inputs = List.copyOf(inputs);
      sideInputs = List.copyOf(sideInputs);
      outputs = List.copyOf(outputs);
    }

    /** A stage whose side inputs, if any, must be complete. */
    public StageSpec(
        StageId id,
        String pool,
        boolean keyed,
        boolean closes,
        List<EdgeId> inputs,
        List<EdgeId> sideInputs,
        List<EdgeId> outputs) {
      this(id, pool, keyed, closes, inputs, sideInputs, outputs, null);
    }
  }
}
