package org.trestle.engine.execute;

import org.trestle.engine.operator.Triggering;
import org.trestle.engine.shuffle.EdgeFormat;

/** Makes stages that group elements by key and window, and give out panes as a trigger says. */
@FunctionalInterface
interface PaneGroupings {

  /**
   * Makes a stage.
   *
   * @param transformId what metrics and timers are named after
   * @param input format of the elements, which have keys
   */
  RunnerStage of(String transformId, EdgeFormat input, Triggering triggering, StageOutput output);
}
