package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Encoded values that are only added to, in chunks of whole values. What is once in a chunk stays
 * at its place. For one thread at a time.
 */
final class ValueChunks {
  /** What objects cost beyond their content, about. */
  static final int OVERHEAD = 64;

  private static final int CHUNK_BYTES = 64 << 10;

  private @Nullable List<byte[]> full;
  private byte[] last = new byte[0];
  private int used;
  private long appends;

  /** Adds values. */
  void append(ByteString values) {
    byte[] target = room(values.size());
    values.copyTo(target, used);
    used += values.size();
    appends++;
  }

  /** Adds values. */
  void append(byte[] source, int from, int to) {
    byte[] target = room(to - from);
    System.arraycopy(source, from, target, used, to - from);
    used += to - from;
    appends++;
  }

  /** Adds all values of another. */
  void append(ValueChunks other) {
    for (int i = 0; i < other.chunks(); i++) {
      append(other.chunk(i), 0, other.length(i));
    }
    appends += other.appends - other.chunks();
  }

  private byte[] room(int size) {
    if (used > 0 && (long) used + size > CHUNK_BYTES) {
      List<byte[]> filled = full == null ? new ArrayList<>() : full;
      filled.add(Arrays.copyOf(last, used));
      full = filled;
      last = new byte[size];
      used = 0;
    } else if (used + size > last.length) {
      int roomy = used == 0 ? size : Math.min(CHUNK_BYTES, 2 * (used + size));
      last = Arrays.copyOf(last, Math.max(roomy, used + size));
    }
    return last;
  }

  /** How many chunks there are; at least one, though it may be empty. */
  int chunks() {
    return (full == null ? 0 : full.size()) + 1;
  }

  /** The bytes of a chunk, the first {@link #length} of which count. */
  byte[] chunk(int index) {
    return full == null || index == full.size() ? last : full.get(index);
  }

  int length(int index) {
    return full == null || index == full.size() ? used : full.get(index).length;
  }

  /** How often something was added: the number of values, if these have no bytes. */
  long appends() {
    return appends;
  }

  /** Bytes of all values. */
  long bytes() {
    long sum = used;
    if (full != null) {
      for (byte[] chunk : full) {
        sum += chunk.length;
      }
    }
    return sum;
  }

  /** Bytes of memory held. */
  long memory() {
    return OVERHEAD + bytes() - used + last.length;
  }
}
