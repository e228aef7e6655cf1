package org.trestle.fn.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Assigns encoded keys to key groups.
 *
 * <p>The assignment is part of what is stored: state and shuffled data are kept by key group, so
 * the hash must never change.
 */
public final class KeyGroups {
  // Words of the key are folded into the hash by multiply and rotate; the mixer at the end spreads
  // each bit over all others. Multipliers: odd constants with well-spread bits (golden ratio, and
  // Stafford's variant 13 of the 64-bit mixer).
  private static final long WORD_MULTIPLIER = 0x9E3779B97F4A7C15L;
  private static final long HASH_MULTIPLIER = 0xD6E8FEB86659FD93L;
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private KeyGroups() {}

  /**
   * Returns the key group of the key in {@code buffer[from, to)}.
   *
   * @param groups how many key groups there are, at least one
   * @return a number from 0 to {@code groups - 1}
   */
  public static int of(byte[] buffer, int from, int to, int groups) {
    if (groups < 1) {
      throw new IllegalArgumentException("no key groups: " + groups);
    }
    return (int) (((hash(buffer, from, to) >>> 32) * groups) >>> 32);
  }

  /** Returns a well-mixed 64-bit hash of {@code buffer[from, to)}. */
  public static long hash(byte[] buffer, int from, int to) {
    long hash = (to - from) * WORD_MULTIPLIER;
    int position = from;
    for (; to - position >= Long.BYTES; position += Long.BYTES) {
      hash = fold(hash, (long) LONGS.get(buffer, position));
    }
    if (position < to) {
      long tail = 0;
      for (int i = to - 1; i >= position; i--) {
        tail = (tail << Byte.SIZE) | (buffer[i] & 0xFF);
      }
      hash = fold(hash, tail);
    }
    return mix(hash);
  }

  private static long fold(long hash, long word) {
    return Long.rotateLeft(hash ^ Long.rotateLeft(word * WORD_MULTIPLIER, 31), 27)
        * HASH_MULTIPLIER;
  }

  private static long mix(long value) {
    long mixed = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }
}
