package org.trestle.engine.shuffle;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.List;

/**
 * Chunks of arenas that are empty again, so that the next arena need not have new ones: these would
 * be copied by the garbage collector until they are old. Safe for use by several threads.
 */
final class ChunkPool {
  private final int most;

  @GuardedBy("this")
  private final ArrayDeque<byte[]> free = new ArrayDeque<>();

  /**
   * An empty pool.
   *
   * @param mostBytes of free chunks; more are left to the garbage collector
   */
  ChunkPool(long mostBytes) {
    this.most = (int) Math.min(mostBytes / ByteArena.CHUNK, Integer.MAX_VALUE);
  }

  /** A chunk of any content. */
  byte[] take() {
    byte[] chunk;
    synchronized (this) {
      chunk = free.pollLast();
    }
    return chunk == null ? new byte[ByteArena.CHUNK] : chunk;
  }

  /** Takes back chunks that nobody uses any more. */
  synchronized void give(List<byte[]> chunks) {
    for (byte[] chunk : chunks) {
      if (chunk.length == ByteArena.CHUNK && free.size() < most) {
        free.addLast(chunk);
      }
    }
  }
}
