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
 */
public record JobPlan(
    List<StageSpec> stages, List<EdgeId> edges, List<EdgeOutput> initial, int keyGroups) {

  public JobPlan {
    stages = List.copyOf(stages);
    edges = List.copyOf(edges);
    initial = List.copyOf(initial);
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
