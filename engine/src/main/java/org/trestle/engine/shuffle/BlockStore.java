package org.trestle.engine.shuffle;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.trestle.engine.core.port.ElementBlock;

/**
 * Holds the blocks of a job that wait at edges: in memory while the budget allows, on disk
 * otherwise. Safe for use by several threads.
 *
 * <p>Blocks are counted by readers: each element of an edge is released once by each consumer, when
 * the bundle that took it has committed, and then its memory or disk room is free. A consumer that
 * never releases keeps its blocks until the store is closed.
 */
public final class BlockStore implements AutoCloseable {
  private final MemoryBudget budget;
  private final SpillFiles files;
  private final PagedGroups groups;

  @GuardedBy("this")
  private long charged;

  @GuardedBy("this")
  private boolean closed;

  public BlockStore(MemoryBudget budget, SpillFiles files) {
    this.budget = budget;
    this.files = files;
    this.groups = new PagedGroups(files);
  }

  /** The groups that elements of the blocks refer to. */
  public PagedGroups groups() {
    return groups;
  }

  /**
   * Takes over encoded elements.
   *
   * @param data not changed any more by the caller
   * @param ends where each element ends; as long as there are elements
   * @param readers how often each element will be released
   */
  Segment add(byte[] data, int[] ends, int readers) {
    long memory = data.length + 4L * ends.length + Segment.OVERHEAD;
    budget.reserve(memory);
    if (budget.exceeded()) {
      try {
        return Segment.spilled(this, files, data, ends, readers);
      } finally {
        budget.release(memory);
      }
    }
    budget.release(memory);
    charge(memory);
    return Segment.inMemory(this, data, ends, readers, memory);
  }

  /** How many bytes all stores may hold in memory, together. */
  long memory() {
    return budget.limit();
  }

  /** Whether all stores together hold more than that. */
  boolean exceeded() {
    return budget.exceeded();
  }

  /** Says that one consumer needs these elements no more. */
  public void release(ElementBlock block) {
    ((EncodedBlock) block).release();
  }

  /** Says that one consumer needs these elements no more. */
  public void release(Iterable<? extends ElementBlock> blocks) {
    for (ElementBlock block : blocks) {
      release(block);
    }
  }

  /** Counts memory that belongs to the store until it is {@linkplain #uncharge given back}. */
  void charge(long memory) {
    synchronized (this) {
      if (closed) {
        throw new IllegalStateException("the job's block store is closed");
      }
      charged += memory;
      budget.reserve(memory);
    }
  }

  void uncharge(long memory) {
    synchronized (this) {
      if (closed) {
        return;
      }
      charged -= memory;
      budget.release(memory);
    }
  }

  /** Gives back all memory; blocks must not be used any more. Idempotent. */
  @Override
  public void close() {
    long memory;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      memory = charged;
      charged = 0;
    }
    budget.release(memory);
  }
}
