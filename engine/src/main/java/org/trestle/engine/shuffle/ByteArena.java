package org.trestle.engine.shuffle;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Bytes that are only added, in chunks: growing never copies more than the first chunk. Places are
 * named by address. For one thread at a time.
 */
final class ByteArena {
  /** Addresses stay below this. */
  static final int MAX_BYTES = Integer.MAX_VALUE - (1 << 20);

  private static final int CHUNK_BITS = 16;

  /** How large a chunk is, but for the first. */
  static final int CHUNK = 1 << CHUNK_BITS;

  private static final int OFFSET = CHUNK - 1;
  private static final int FIRST_CAPACITY = 512;
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private final ChunkPool pool;
  private final List<byte[]> chunks = new ArrayList<>();
  private int size;

  ByteArena(ChunkPool pool) {
    this.pool = pool;
  }

  /** Gives all chunks to the pool; the arena must not be used any more. */
  void recycle() {
    pool.give(chunks);
    chunks.clear();
  }

  /** The address of what is added next. */
  int size() {
    return size;
  }

  /** Bytes allocated. */
  long memory() {
    return chunks.isEmpty() ? 0 : chunks.get(0).length + (chunks.size() - 1) * (long) CHUNK;
  }

  /** Whether so many bytes can still be added. */
  boolean hasRoom(long bytes) {
    return size + bytes + CHUNK <= MAX_BYTES;
  }

  /**
   * Goes on to a place where so many bytes lie in one chunk, for {@link #putInt} and {@link
   * #intAt}.
   */
  void align(int bytes) {
    int left = CHUNK - (size & OFFSET);
    if (left < bytes) {
      size += left;
    }
  }

  /** Adds an integer; the place was aligned. */
  void putInt(int value) {
    INTS.set(room(Integer.BYTES), size & OFFSET, value);
    size += Integer.BYTES;
  }

  /** Overwrites an integer. */
  void setInt(int address, int value) {
    INTS.set(chunks.get(address >>> CHUNK_BITS), address & OFFSET, value);
  }

  int intAt(int address) {
    return (int) INTS.get(chunks.get(address >>> CHUNK_BITS), address & OFFSET);
  }

  /** Adds bytes. */
  void put(byte[] source, int from, int to) {
    int position = from;
    while (position < to) {
      int offset = size & OFFSET;
      int part = Math.min(to - position, CHUNK - offset);
      System.arraycopy(source, position, room(part), offset, part);
      position += part;
      size += part;
    }
  }

  /** The chunk at the end, with room for some bytes that fit into it. */
  private byte[] room(int bytes) {
    int index = size >>> CHUNK_BITS;
    int needed = (size & OFFSET) + bytes;
    if (index == chunks.size()) {
      byte[] chunk =
          index == 0 ? new byte[Math.max(FIRST_CAPACITY, capacity(needed))] : pool.take();
      chunks.add(chunk);
      return chunk;
    }
    byte[] chunk = chunks.get(index);
    if (chunk.length < needed) {
      chunk = Arrays.copyOf(chunk, capacity(needed));
      chunks.set(index, chunk);
    }
    return chunk;
  }

  private static int capacity(int needed) {
    return Math.min(CHUNK, Integer.highestOneBit(needed) << 1);
  }

  /** Copies bytes out. */
  void copy(int address, byte[] target, int at, int length) {
    int done = 0;
    while (done < length) {
      int offset = (address + done) & OFFSET;
      int part = Math.min(length - done, CHUNK - offset);
      System.arraycopy(
          chunks.get((address + done) >>> CHUNK_BITS), offset, target, at + done, part);
      done += part;
    }
  }

  /** Whether these bytes are at the address. */
  boolean matches(int address, byte[] other, int from, int to) {
    int done = 0;
    int length = to - from;
    while (done < length) {
      int offset = (address + done) & OFFSET;
      int part = Math.min(length - done, CHUNK - offset);
      byte[] chunk = chunks.get((address + done) >>> CHUNK_BITS);
      if (!Arrays.equals(chunk, offset, offset + part, other, from + done, from + done + part)) {
        return false;
      }
      done += part;
    }
    return true;
  }
}
