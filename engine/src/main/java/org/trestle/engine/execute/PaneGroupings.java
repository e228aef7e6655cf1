package org.trestle.engine.execute;

import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.windowing.WindowingStrategySpec;

/** Makes the stages that group the elements of a side input by window, as its trigger says. */
@FunctionalInterface
interface PaneGroupings {

  /**
   * A stage whose output has one element for each pane: an iterable of the values, in the window
   * and with the pane of the firing.
   *
   * @param input format of the elements, whose keys are all empty
   * @throws IllegalArgumentException if the strategy cannot be run
   */
  RunnerStage of(EdgeFormat input, WindowingStrategySpec strategy, StageOutput output);
}
