package org.trestle.engine.shuffle;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Encoded elements that were written together, in memory or on disk. Blocks are ranges of it.
 * Immutable but for being released; safe for use by several threads.
 */
final class Segment {
  /** A guess of what objects cost beyond their content. */
  static final int OVERHEAD = 96;

  /** On disk, the end of each element of this distance is kept in memory, to estimate sizes. */
  private static final int SPARSE = 64;

  private final BlockStore store;
  private final int count;
  private final int length;
  private final long memory;
  private final AtomicLong unreleased;
  private volatile @Nullable Content content;

  @GuardedBy("this")
  private List<PagedGroups.Group> referred = List.of();

  private Segment(
      BlockStore store, int count, int length, int readers, long memory, Content content) {
    this.store = store;
    this.count = count;
    this.length = length;
    this.memory = memory;
    this.unreleased = new AtomicLong((long) count * readers);
    this.content = content;
  }

  static Segment inMemory(BlockStore store, byte[] data, int[] ends, int readers, long memory) {
    return new Segment(
        store, ends.length, ends[ends.length - 1], readers, memory, new InMemory(data, ends));
  }

  static Segment spilled(BlockStore store, SpillFiles files, byte[] data, int[] ends, int readers) {
    int length = ends[ends.length - 1];
    ByteBuffer index = ByteBuffer.allocate(4 * ends.length);
    index.asIntBuffer().put(ends);
    SpillFiles.Extent bytes = files.write(data, 0, length);
    SpillFiles.Extent offsets;
    try {
      offsets = files.write(index.array(), 0, index.capacity());
    } catch (SpillException e) {
      bytes.free();
      throw e;
    }
    int[] sparse = new int[(ends.length - 1) / SPARSE + 1];
    for (int i = 0; i < sparse.length; i++) {
      sparse[i] = i == 0 ? 0 : ends[i * SPARSE - 1];
    }
    return new Segment(
        store,
        ends.length,
        length,
        readers,
        0,
        new OnDisk(bytes, offsets, sparse, ends.length, length));
  }

  int count() {
    return count;
  }

  /** Where element {@code index} starts; between two known places, an estimate if on disk. */
  int offset(int index) {
    if (index == 0) {
      return 0;
    }
    return index == count ? length : content().offset(index);
  }

  /** The elements {@code from} to {@code to} in memory. */
  View view(int from, int to) {
    return content().view(from, to);
  }

  /** Copies bytes out that start at this offset of the segment. */
  void copy(int offset, byte[] target, int at, int size) {
    content().copy(offset, target, at, size);
  }

  boolean isInMemory() {
    return content() instanceof InMemory;
  }

  void release(int elements) {
    long left = unreleased.addAndGet(-elements);
    if (left < 0) {
      throw new IllegalStateException("elements released more often than they have readers");
    }
    if (left == 0) {
      drop();
    }
  }

  /** Closes these groups with the segment, whose elements refer to them. */
  synchronized void keepOpen(List<PagedGroups.Group> groups) {
    referred = List.copyOf(groups);
  }

  /** Frees all, whoever reads. Not to be used any more. */
  void drop() {
    Content last;
    synchronized (this) {
      last = content;
      content = null;
      referred.forEach(PagedGroups.Group::close);
      referred = List.of();
    }
    if (last instanceof OnDisk disk) {
      disk.bytes.free();
      disk.offsets.free();
    } else if (last != null) {
      store.uncharge(memory);
    }
  }

  private Content content() {
    Content now = content;
    if (now == null) {
      throw new IllegalStateException("elements used after their release");
    }
    return now;
  }

  /** Where the elements are. */
  private sealed interface Content {
    int offset(int index);

    View view(int from, int to);

    void copy(int offset, byte[] target, int at, int size);
  }

  private static final class InMemory implements Content {
    private final byte[] data;
    private final int[] ends;

    InMemory(byte[] data, int[] ends) {
      this.data = data;
      this.ends = ends;
    }

    @Override
    public int offset(int index) {
      return ends[index - 1];
    }

    @Override
    public View view(int from, int to) {
      int start = from == 0 ? 0 : ends[from - 1];
      return new View(data, start, ends[to - 1], ends, from, 0, to - from);
    }

    @Override
    public void copy(int offset, byte[] target, int at, int size) {
      System.arraycopy(data, offset, target, at, size);
    }
  }

  private static final class OnDisk implements Content {
    private final SpillFiles.Extent bytes;
    private final SpillFiles.Extent offsets;
    private final int[] sparse;
    private final int count;
    private final int length;

    OnDisk(
        SpillFiles.Extent bytes, SpillFiles.Extent offsets, int[] sparse, int count, int length) {
      this.bytes = bytes;
      this.offsets = offsets;
      this.sparse = sparse;
      this.count = count;
      this.length = length;
    }

    @Override
    public int offset(int index) {
      int cell = index / SPARSE;
      int low = sparse[cell];
      boolean last = cell == sparse.length - 1;
      int high = last ? length : sparse[cell + 1];
      int elements = last ? count - cell * SPARSE : SPARSE;
      return low + (int) ((long) (high - low) * (index - cell * SPARSE) / elements);
    }

    @Override
    public View view(int from, int to) {
      int first = Math.max(from - 1, 0);
      int[] ends = new int[to - first];
      ByteBuffer.wrap(offsets.read(4 * first, 4 * to)).asIntBuffer().get(ends);
      int start = from == 0 ? 0 : ends[0];
      int limit = ends[ends.length - 1];
      byte[] data = bytes.read(start, limit);
      return new View(data, 0, limit - start, ends, from - first, start, to - from);
    }

    @Override
    public void copy(int offset, byte[] target, int at, int size) {
      bytes.read(offset, target, at, size);
    }
  }

  /** Some elements in memory: not to be changed. */
  static final class View {
    private final byte[] bytes;
    private final int start;
    private final int limit;
    private final int[] ends;
    private final int firstEnd;
    private final int shift;
    private final int count;

    View(byte[] bytes, int start, int limit, int[] ends, int firstEnd, int shift, int count) {
      this.bytes = bytes;
      this.start = start;
      this.limit = limit;
      this.ends = ends;
      this.firstEnd = firstEnd;
      this.shift = shift;
      this.count = count;
    }

    byte[] bytes() {
      return bytes;
    }

    int start() {
      return start;
    }

    int limit() {
      return limit;
    }

    int count() {
      return count;
    }

    /** The offset in the segment of a position in {@link #bytes()}. */
    int offset(int position) {
      return position + shift;
    }

    /** Where in {@link #bytes()} the element ends. */
    int end(int element) {
      return ends[firstEnd + element] - shift;
    }

    /**
     * Returns how many elements, from this one on, fit into so many bytes; at least one.
     *
     * @param from where the element starts
     */
    int fitting(int element, int from, int maxBytes) {
      long bound = (long) from + maxBytes + shift;
      if (bound >= limit + shift) {
        return count - element;
      }
      int found = Arrays.binarySearch(ends, firstEnd + element, firstEnd + count, (int) bound);
      // Elements of no bytes share an end: take all that end there.
      int beyond = found < 0 ? -found - 1 : found + 1;
      while (beyond < firstEnd + count && ends[beyond] == bound) {
        beyond++;
      }
      return Math.max(1, beyond - firstEnd - element);
    }
  }
}
