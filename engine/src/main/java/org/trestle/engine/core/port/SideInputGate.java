package org.trestle.engine.core.port;

/**
 * Says which of a stage's elements may run as far as its side inputs go: those whose windows have
 * something to read there, if only the certainty that they are empty.
 *
 * <p>Its answers follow from the events so far: the data that was committed before, and the
 * watermarks it was told. A block that is ready stays so, its slices are ready when it is, and
 * every block is when all side inputs are at {@link EventTime#MAX}. Called on the thread of the
 * core; must not block.
 */
public interface SideInputGate {

  /** Whether the elements of the block may run. */
  boolean isReady(ElementBlock block);

  /**
   * No element that is still to come on a side input is earlier. At first that is {@link
   * EventTime#MIN}.
   *
   * @param sideInput an index into the edges that the plan lists as side inputs of the stage
   */
  void sideInputAdvanced(int sideInput, long watermark);

  /**
   * No element that will be asked about, and no bundle with elements or timers that is still to
   * commit, belongs to an earlier time, unless it is late: what is kept for these can go.
   */
  void stageAdvanced(long watermark);

  /**
   * Whether it waits for an answer from outside of the job's events; when that comes, the core is
   * told that the gate has moved.
   */
  default boolean isAsking() {
    return false;
  }

  /** What a block that is not ready waits for, for people. */
  String describe(ElementBlock block);
}
