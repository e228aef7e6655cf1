package org.trestle.engine.core.trigger;

import java.util.List;

/**
 * Runs a trigger. What changes is in a {@link TriggerState} for each key and window; the machine
 * itself is immutable and safe for use by several threads.
 *
 * <p>Two things of the world count, and callers say them: whether the watermark has passed the end
 * of the window, and the processing time. After elements or a change of these, ask {@link
 * #shouldFire}; if so give out the pane and call {@link #onFire}. A closed trigger must not be told
 * of elements or asked any more.
 */
public final class TriggerMachine {
  private final TriggerNode root;
  private final long[] initial;
  private final int bitWords;
  private final boolean countsElements;

  private TriggerMachine(TriggerNode root, long[] initial, int bitWords, boolean countsElements) {
    this.root = root;
    this.initial = initial;
    this.bitWords = bitWords;
    this.countsElements = countsElements;
  }

  /**
   * Makes the machine of a trigger.
   *
   * @param merging whether windows may merge: then parts that are not active yet, or no longer, are
   *     told of elements too, as a merge can make them active
   */
  public static TriggerMachine of(Trigger trigger, boolean merging) {
    TriggerNodes nodes = new TriggerNodes(trigger, merging);
    return new TriggerMachine(
        nodes.root(), nodes.initialWords(), nodes.bitWords(), countsElements(trigger));
  }

  private static boolean countsElements(Trigger trigger) {
    return trigger instanceof Trigger.ElementCount
        || trigger instanceof Trigger.Always
        || trigger.anyPart(TriggerMachine::countsElements);
  }

  /** The state of a key and window that have not had an element. */
  public TriggerState newState() {
    return new TriggerState(initial.clone());
  }

  /**
   * Whether an element can make the trigger fire by itself, so that it matters after which element
   * it is asked.
   */
  public boolean countsElements() {
    return countsElements;
  }

  /** Says that an element has come. */
  public void onElement(TriggerState state, long processingTime) {
    root.onElement(state, processingTime);
  }

  /** Whether the pane is to be given out. */
  public boolean shouldFire(TriggerState state, boolean endOfWindow, long processingTime) {
    return root.shouldFire(state, endOfWindow, processingTime);
  }

  /** Says that the pane is given out, as {@link #shouldFire} demanded. */
  public void onFire(TriggerState state, boolean endOfWindow, long processingTime) {
    root.onFire(state, endOfWindow, processingTime);
  }

  /** Whether the trigger is finished: there will be no other pane, whatever comes. */
  public boolean isClosed(TriggerState state) {
    return root.isFinished(state);
  }

  /**
   * Merges windows.
   *
   * @param sources states of the windows that merge and have had elements; not changed
   * @param own which of them is the state of the resulting window itself; -1 for none
   * @param endOfWindow whether the watermark has passed the end of the resulting window
   * @return the state of the resulting window
   */
  public TriggerState merge(List<TriggerState> sources, int own, boolean endOfWindow) {
    TriggerState result = newState();
    if (own >= 0) {
      result.copyBits(sources.get(own), bitWords);
    }
    root.onMerge(result, sources, endOfWindow);
    return result;
  }

  /**
   * The event time after which the trigger is to be asked again: the end of the window, if it waits
   * for that; {@link Long#MAX_VALUE} otherwise.
   *
   * @param endOfWindow whether the watermark has passed the end of the window
   */
  public long nextEventTime(TriggerState state, long windowMaxTimestamp, boolean endOfWindow) {
    return !endOfWindow && root.waitsForEndOfWindow(state) ? windowMaxTimestamp : Long.MAX_VALUE;
  }

  /**
   * The processing time at which the trigger is to be asked again, which is after now; {@link
   * Long#MAX_VALUE} for never.
   */
  public long nextProcessingTime(TriggerState state, long processingTime) {
    return root.nextProcessingTime(state, processingTime);
  }
}
