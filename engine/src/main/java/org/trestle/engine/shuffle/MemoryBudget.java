package org.trestle.engine.shuffle;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that the stores of a service may hold in memory, together.
 *
 * <p>A reservation always succeeds: whoever finds the budget {@linkplain #exceeded() exceeded}
 * moves what it can to disk and releases it. Safe for use by several threads; nothing blocks.
 */
public final class MemoryBudget {
  /**
   * Empty chunks may be kept beside what is reserved: this part of the limit, and no more than
   * that.
   */
  private static final int POOLED_SHARE = 16;

  private static final long MAX_POOLED_BYTES = 32L << 20;

  private final @Nullable MemoryBudget whole;
  private final long limit;
  private final ChunkPool chunks;
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
    this.whole = null;
    this.limit = limit;
    this.chunks = new ChunkPool(Math.min(limit / POOLED_SHARE, MAX_POOLED_BYTES));
  }

  private MemoryBudget(MemoryBudget whole) {
    this.whole = whole;
    this.limit = whole.limit;
    this.chunks = whole.chunks;
  }

  /** A part of this budget: counts what is reserved of it, and has its limit with all others. */
  public MemoryBudget part() {
    return new MemoryBudget(this);
  }

  /** Counts bytes that are about to be held. */
  public void reserve(long bytes) {
    reserved.addAndGet(bytes);
    if (whole != null) {
      whole.reserve(bytes);
    }
  }

  /** Gives back bytes that were reserved. */
  public void release(long bytes) {
    long left = reserved.addAndGet(-bytes);
    if (whole != null) {
      whole.release(bytes);
    }
    if (left < 0) {
      throw new IllegalStateException("released more bytes than were reserved: " + left);
    }
  }

  /** Counts that what took some bytes now takes others. */
  public void change(long before, long now) {
    if (now > before) {
      reserve(now - before);
    } else {
      release(before - now);
    }
  }

  /** Gives back what this part has not, as it broke and cannot tell any more what it holds. */
  public void abandon() {
    long left = reserved.getAndSet(0);
    if (whole != null && left > 0) {
      whole.release(left);
    } else if (whole != null) {
      whole.reserve(-left);
    }
  }

  /**
   * Whether little is left. Whoever can bring much to disk at once, in an order that is of use
   * later, does it now, so that there is room for what would have to be written piece by piece.
   */
  public boolean scarce() {
    return whole == null ? reserved.get() > limit - limit / 4 : whole.scarce();
  }

  /** Whether more is held than the limit allows. */
  public boolean exceeded() {
    return whole == null ? reserved.get() > limit : whole.exceeded();
  }

  /** Bytes held now, of this part if it is one. */
  public long reserved() {
    return reserved.get();
  }

  public long limit() {
    return limit;
  }

  /** Where arenas whose bytes are reserved here have their chunks from, those of all parts. */
  ChunkPool chunks() {
    return chunks;
  }
}
