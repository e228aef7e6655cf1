package org.trestle.engine.shuffle;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes that the stores of a service may hold in memory, together.
 *
 * <p>A reservation always succeeds: whoever finds the budget {@linkplain #exceeded() exceeded}
 * moves what it can to disk and releases it. Safe for use by several threads; nothing blocks.
 */
public final class MemoryBudget {
  private final long limit;
  private final AtomicLong reserved = new AtomicLong();

  /**
   * A budget of which nothing is reserved yet.
   *
   * @param limit in bytes
   */
  public MemoryBudget(long limit) {
    if (limit < 0) {
      throw new IllegalArgumentException("memory limit below zero: " + limit);
    }
    this.limit = limit;
  }

  /** Counts bytes that are about to be held. */
  public void reserve(long bytes) {
    reserved.addAndGet(bytes);
  }

  /** Gives back bytes that were reserved. */
  public void release(long bytes) {
    long left = reserved.addAndGet(-bytes);
    if (left < 0) {
      throw new IllegalStateException("released more bytes than were reserved: " + left);
    }
  }

  /**
   * Whether little is left. Whoever can bring much to disk at once, in an order that is of use
   * later, does it now, so that there is room for what would have to be written piece by piece.
   */
  public boolean scarce() {
    return reserved.get() > limit - limit / 4;
  }

  /** Whether more is held than the limit allows. */
  public boolean exceeded() {
    return reserved.get() > limit;
  }

  /** Bytes held now. */
  public long reserved() {
    return reserved.get();
  }

  public long limit() {
    return limit;
  }
}
