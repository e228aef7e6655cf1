package org.trestle.engine.operator;

import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.trigger.TriggerMachine;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.PaneStore;

/**
 * A GroupByKey that gives out panes when a trigger says so: of unbounded input, and of bounded
 * input with a trigger that is not the default one.
 *
 * <p>A bundle adds its elements to what is known of their keys and windows, asks the triggers of
 * these windows, once or, if they count elements, after each, then runs its timers. All that has to
 * happen later is a timer of the core: an event-time timer of each key and window at the end of the
 * window or at its expiry, which also holds the output watermark at the timestamp of the pane to
 * come; and a processing-time timer where the trigger waits for one.
 *
 * <p>An element whose window has ended before the input watermark, or whose own time is behind it,
 * does not hold the output watermark at its time, as that may have gone by. It holds it at the end
 * of the window, or, if that is past, at the window's expiry. A pane is on time if the output
 * watermark was held at or before the window's end until then.
 *
 * <p>Different bundles may run at the same time if their key groups differ; the fields of a key
 * group belong to the bundle that has it.
 */
public final class TriggeredGrouping implements AutoCloseable {
  private final EdgeFormat input;
  private final Triggering triggering;
  private final TriggerMachine machine;
  private final String timerFamily;
  private final PaneStore store;
  private final @Nullable KeyGroupState[] keyGroups;

  /**
   * A grouping that knows nothing yet.
   *
   * @param input format of the elements, which have keys
   * @param timerFamily names the timers of this grouping within its stage
   * @param keyGroups how many there are
   * @param store keeps the values; closed with the grouping
   */
  public TriggeredGrouping(
      EdgeFormat input, Triggering triggering, String timerFamily, int keyGroups, PaneStore store) {
    if (input.key() == null) {
      throw new IllegalArgumentException("grouping of elements without keys");
    }
    this.input = input;
    this.triggering = triggering;
    this.machine = TriggerMachine.of(triggering.trigger(), triggering.merger() != null);
    this.timerFamily = timerFamily;
    this.store = store;
    this.keyGroups = new @Nullable KeyGroupState[keyGroups];
  }

  /**
   * Runs a bundle. Its blocks are not released.
   *
   * @param writers makes a writer to the output; called if there is output
   * @param givenUp whether nobody waits for the bundle any more; asked between pieces of work
   * @throws CancellationException if so
   * @throws org.trestle.fn.wire.WireFormatException if elements or merged windows are malformed
   * @throws org.trestle.engine.shuffle.GroupTooLargeException if a pane does not fit into an
   *     element
   * @throws org.trestle.engine.shuffle.SpillException if the disk fails
   */
  public GroupedBundle run(BundleWork work, Supplier<EdgeWriter> writers, BooleanSupplier givenUp) {
    PaneOutput output = new PaneOutput(writers);
    try {
      return new GroupingRun(this, work, output, givenUp).run();
    } catch (RuntimeException failure) {
      output.discard();
      throw failure;
    }
  }

  EdgeFormat input() {
    return input;
  }

  Triggering triggering() {
    return triggering;
  }

  TriggerMachine machine() {
    return machine;
  }

  String timerFamily() {
    return timerFamily;
  }

  PaneStore store() {
    return store;
  }

  KeyGroupState keyGroup(int index) {
    KeyGroupState state = keyGroups[index];
    if (state == null) {
      state = new KeyGroupState(index);
      keyGroups[index] = state;
    }
    return state;
  }

  /** How many keys and windows are known; exact while no bundle runs. */
  public long windows() {
    long windows = 0;
    for (KeyGroupState state : keyGroups) {
      windows += state == null ? 0 : state.table().size();
    }
    return windows;
  }

  /** Gives all memory back. Bundles that still run must have been given up. Idempotent. */
  @Override
  public void close() {
    store.close();
  }
}
