package org.trestle.engine.shuffle;

import com.google.errorprone.annotations.concurrent.GuardedBy;

/**
 * Counts the memory of what a grouping of unbounded input keeps, and gives it room on disk. Safe
 * for use by several threads.
 */
public final class PaneStore implements AutoCloseable {
  private final MemoryBudget budget;
  private final SpillFiles files;

  @GuardedBy("this")
  private long charged;

  @GuardedBy("this")
  private boolean closed;

  /** A store that holds nothing yet. */
  public PaneStore(MemoryBudget budget, SpillFiles files) {
    this.budget = budget;
    this.files = files;
  }

  /** A buffer for the values of a key and window. */
  public ValueBuffer newBuffer() {
    return new ValueBuffer(this);
  }

  /** Counts bytes that are held; below zero for bytes that are given back. */
  public synchronized void charge(long bytes) {
    if (closed) {
      return;
    }
    budget.change(charged, charged + bytes);
    charged += bytes;
  }

  boolean exceeded() {
    return budget.exceeded();
  }

  SpillFiles.Extent write(byte[] source, int from, int to) {
    return files.write(source, from, to);
  }

  /** Bytes of memory held. */
  public synchronized long memory() {
    return charged;
  }

  /** Gives all memory back; what is held must not be used any more. Idempotent. */
  @Override
  public synchronized void close() {
    if (!closed) {
      budget.release(charged);
      charged = 0;
      closed = true;
    }
  }
}
