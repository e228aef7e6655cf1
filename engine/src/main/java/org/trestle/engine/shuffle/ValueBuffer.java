package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Encoded values of a key and window, to which more are added. For one thread at a time.
 *
 * <p>Few values are one array that grows; of many, full chunks are kept. While the memory budget is
 * exceeded, chunks go to disk, also those that are not full. Order is that of adding, but for
 * merged buffers.
 */
public final class ValueBuffer {
  static final int CHUNK_BYTES = 64 << 10;

  private static final int MIN_CAPACITY = 16;

  /** A last chunk of fewer bytes stays in memory. */
  private static final int MIN_SPILLED_BYTES = 1 << 10;

  /** What an object costs beyond its content, about. */
  private static final int OVERHEAD = 64;

  private static final byte[] NONE = new byte[0];

  private final PaneStore store;
  private @Nullable List<Part> parts;
  private byte[] last = NONE;
  private int used;
  private long bytes;
  private long count;

  ValueBuffer(PaneStore store) {
    this.store = store;
  }

  /** How many values. */
  public long count() {
    return count;
  }

  /** Bytes of all values. */
  public long bytes() {
    return bytes;
  }

  /**
   * Adds a value.
   *
   * @throws SpillException if the disk fails
   */
  public void add(byte[] source, int from, int to) {
    append(source, from, to);
    bytes += to - from;
    count++;
  }

  /**
   * Moves all values of another buffer of the same store into this one.
   *
   * @throws SpillException if the disk fails
   */
  public void takeFrom(ValueBuffer other) {
    if (other.bytes > bytes) {
      swap(other);
    }
    if (other.parts != null) {
      if (parts == null) {
        parts = new ArrayList<>(other.parts.size());
      }
      parts.addAll(other.parts);
      other.parts = null;
    }
    append(other.last, 0, other.used);
    bytes += other.bytes;
    count += other.count;
    other.clear();
  }

  /** Exchanges the contents, so that the fewer bytes are copied. */
  private void swap(ValueBuffer other) {
    List<Part> otherParts = other.parts;
    byte[] otherLast = other.last;
    int otherUsed = other.used;
    long otherBytes = other.bytes;
    long otherCount = other.count;
    other.parts = parts;
    other.last = last;
    other.used = used;
    other.bytes = bytes;
    other.count = count;
    parts = otherParts;
    last = otherLast;
    used = otherUsed;
    bytes = otherBytes;
    count = otherCount;
  }

  private void append(byte[] source, int from, int to) {
    int size = to - from;
    if (used > 0 && (long) used + size > CHUNK_BYTES) {
      closeChunk();
    }
    if (used + size > last.length) {
      int roomy = Math.min(CHUNK_BYTES, Math.max(2 * last.length, MIN_CAPACITY));
      int capacity = Math.max(used + size, used == 0 ? MIN_CAPACITY : roomy);
      store.charge(capacity - last.length);
      last = Arrays.copyOf(last, capacity);
    }
    System.arraycopy(source, from, last, used, size);
    used += size;
  }

  private void closeChunk() {
    addPart();
    spillIfExceeded();
  }

  private void addPart() {
    byte[] full = used == last.length ? last : Arrays.copyOf(last, used);
    store.charge(used - last.length + OVERHEAD);
    last = NONE;
    used = 0;
    if (parts == null) {
      parts = new ArrayList<>();
    }
    parts.add(new Part(full, full.length));
  }

  /**
   * Brings all but few bytes to disk if the memory budget is exceeded.
   *
   * @throws SpillException if the disk fails
   */
  public void spillIfExceeded() {
    if (!store.exceeded()) {
      return;
    }
    if (used >= MIN_SPILLED_BYTES) {
      addPart();
    }
    if (parts == null) {
      return;
    }
    for (Part part : parts) {
      if (part.data != null) {
        part.extent = store.write(part.data, 0, part.length);
        part.data = null;
        store.charge(-part.length);
      }
    }
  }

  /** Copies all values out, one after the other. */
  void copyTo(byte[] target, int at) {
    int position = at;
    if (parts != null) {
      for (Part part : parts) {
        part.copyTo(target, position);
        position += part.length;
      }
    }
    System.arraycopy(last, 0, target, position, used);
  }

  /** Adds copies of all values to chunks. */
  void copyTo(ChunkWriter chunks) {
    if (parts != null) {
      for (Part part : parts) {
        chunks.reserve(part.length);
        part.copyTo(chunks.array(), chunks.position());
        chunks.written(part.length);
      }
    }
    chunks.add(last, 0, used);
  }

  /** Forgets all values and gives their room back. */
  public void clear() {
    if (parts != null) {
      for (Part part : parts) {
        store.charge(-part.free());
      }
      parts = null;
    }
    store.charge(-last.length);
    last = NONE;
    used = 0;
    bytes = 0;
    count = 0;
  }

  /** A full chunk, in memory or on disk. */
  private static final class Part {
    private final int length;
    private byte @Nullable [] data;
    private SpillFiles.@Nullable Extent extent;

    Part(byte[] data, int length) {
      this.data = data;
      this.length = length;
    }

    void copyTo(byte[] target, int at) {
      if (data != null) {
        System.arraycopy(data, 0, target, at, length);
      } else if (extent != null) {
        extent.read(0, target, at, length);
      }
    }

    /** Gives disk room back and says how much memory is free now. */
    long free() {
      if (extent != null) {
        extent.free();
        return OVERHEAD;
      }
      return (long) OVERHEAD + length;
    }
  }
}
