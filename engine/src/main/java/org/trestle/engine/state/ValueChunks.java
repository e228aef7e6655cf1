package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.shuffle.SpillFiles;

/**
 * Encoded values that are only added to, in chunks of whole values. What is once in a chunk stays
 * at its place. For one thread at a time.
 */
final class ValueChunks {
  /** What objects cost beyond their content, about. */
  static final int OVERHEAD = 64;

  private static final int CHUNK_BYTES = 64 << 10;

  /** A last chunk of fewer bytes stays in memory. */
  private static final int MIN_SPILLED_BYTES = 1 << 10;

  /** Bytes in memory or on disk. */
  private static final class Chunk {
    private final byte @Nullable [] bytes;
    private final SpillFiles.@Nullable Extent extent;
    private final int length;

    Chunk(byte[] bytes) {
      this.bytes = bytes;
      this.extent = null;
      this.length = bytes.length;
    }

    Chunk(SpillFiles.Extent extent) {
      this.bytes = null;
      this.extent = extent;
      this.length = extent.length();
    }

    byte[] read() {
      return bytes != null ? bytes : Objects.requireNonNull(extent).read(0, length);
    }
  }

  private @Nullable List<Chunk> full;
  private byte[] last = new byte[0];
  private int used;
  private long appends;

  /** Without values. */
  ValueChunks() {}

  /** With values that were added in so many appends. */
  ValueChunks(byte[] values, long appends) {
    last = values;
    used = values.length;
    this.appends = appends;
  }

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
      full().add(new Chunk(Arrays.copyOf(last, used)));
      last = new byte[size];
      used = 0;
    } else if (used + size > last.length) {
      int roomy = used == 0 ? size : Math.min(CHUNK_BYTES, 2 * (used + size));
      last = Arrays.copyOf(last, Math.max(roomy, used + size));
    }
    return last;
  }

  private List<Chunk> full() {
    List<Chunk> chunks = full;
    if (chunks == null) {
      chunks = new ArrayList<>();
      full = chunks;
    }
    return chunks;
  }

  /** Moves what is worth it to disk. */
  void spill(SpillFiles files) {
    if (used >= MIN_SPILLED_BYTES) {
      full().add(new Chunk(Arrays.copyOf(last, used)));
      last = new byte[0];
      used = 0;
    }
    if (full != null) {
      full.replaceAll(
          chunk ->
              chunk.bytes == null ? chunk : new Chunk(files.write(chunk.bytes, 0, chunk.length)));
    }
  }

  /** Gives back the room on disk; the values are not read any more. */
  void free() {
    if (full != null) {
      for (Chunk chunk : full) {
        if (chunk.extent != null) {
          chunk.extent.free();
        }
      }
      full = null;
    }
  }

  /** How many chunks there are; at least one, though it may be empty. */
  int chunks() {
    return (full == null ? 0 : full.size()) + 1;
  }

  /** The bytes of a chunk, the first {@link #length} of which count; perhaps read from disk. */
  byte[] chunk(int index) {
    return full == null || index == full.size() ? last : full.get(index).read();
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
      for (Chunk chunk : full) {
        sum += chunk.length;
      }
    }
    return sum;
  }

  /** Bytes of memory held. */
  long memory() {
    long sum = (long) OVERHEAD + last.length;
    if (full != null) {
      for (Chunk chunk : full) {
        sum += chunk.bytes == null ? OVERHEAD : chunk.length;
      }
    }
    return sum;
  }
}
