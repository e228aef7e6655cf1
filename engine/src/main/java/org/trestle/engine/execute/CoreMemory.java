package org.trestle.engine.execute;

import org.trestle.engine.core.schedule.JobCore;
import org.trestle.engine.shuffle.MemoryBudget;

/**
 * Counts in the budget what a job's core holds: its timers, which cannot go to disk, so that others
 * go earlier. Owned by the job's loop.
 */
final class CoreMemory implements AutoCloseable {
  /** What a timer's objects cost, about. */
  private static final long TIMER_BYTES = 280;

  private final JobCore core;
  private final MemoryBudget budget;
  private long reserved;

  CoreMemory(JobCore core, MemoryBudget budget) {
    this.core = core;
    this.budget = budget;
  }

  /** Counts what there is now. */
  void look() {
    reserve(TIMER_BYTES * core.timerCount());
  }

  private void reserve(long bytes) {
    budget.change(reserved, bytes);
    reserved = bytes;
  }

  /** Whether nothing is left of the budget. */
  boolean full() {
    return budget.exceeded();
  }

  /** Gives all back. */
  @Override
  public void close() {
    reserve(0);
  }
}
