package org.trestle.engine.shuffle;

import java.util.Arrays;
import org.trestle.engine.core.port.ByteKey;

/** The entries of an index, sorted. */
final class IndexScan implements GroupScan {
  private final GroupIndex index;
  private final int[] order;
  private int position = -1;
  private ByteKey key = ByteKey.empty();
  private ByteKey window = ByteKey.empty();

  IndexScan(GroupIndex index) {
    this.index = index;
    this.order = sort(index);
  }

  /** Sorts by hash first, as numbers; then each run of equal hashes by bytes. */
  private static int[] sort(GroupIndex index) {
    int size = index.size();
    long[] byHash = new long[size];
    for (int i = 0; i < size; i++) {
      // The flip makes signed order that of unsigned hashes.
      byHash[i] = (long) (index.keyHash(i) ^ Integer.MIN_VALUE) << 32 | i;
    }
    Arrays.sort(byHash);
    int[] order = new int[size];
    for (int i = 0; i < size; i++) {
      order[i] = (int) byHash[i];
    }
    int from = 0;
    while (from < size) {
      int to = from + 1;
      while (to < size && index.keyHash(order[to]) == index.keyHash(order[from])) {
        to++;
      }
      if (to - from > 1) {
        sortNames(index, order, from, to);
      }
      from = to;
    }
    return order;
  }

  private static void sortNames(GroupIndex index, int[] order, int from, int to) {
    Named[] named = new Named[to - from];
    for (int i = 0; i < named.length; i++) {
      int entry = order[from + i];
      named[i] = new Named(entry, keyOf(index, entry), windowOf(index, entry));
    }
    Arrays.sort(named);
    for (int i = 0; i < named.length; i++) {
      order[from + i] = named[i].entry;
    }
  }

  private record Named(int entry, ByteKey key, ByteKey window) implements Comparable<Named> {
    @Override
    public int compareTo(Named other) {
      int byKey = key.compareTo(other.key);
      return byKey == 0 ? window.compareTo(other.window) : byKey;
    }
  }

  static ByteKey keyOf(GroupIndex index, int entry) {
    byte[] bytes = new byte[index.keyLength(entry)];
    index.copyKey(entry, bytes, 0);
    return ByteKey.wrap(bytes);
  }

  static ByteKey windowOf(GroupIndex index, int entry) {
    byte[] bytes = new byte[index.windowLength(entry)];
    index.copyWindow(entry, bytes, 0);
    return ByteKey.wrap(bytes);
  }

  @Override
  public boolean next() {
    if (++position >= order.length) {
      return false;
    }
    int entry = order[position];
    key = keyOf(index, entry);
    window = windowOf(index, entry);
    return true;
  }

  @Override
  public int keyHash() {
    return index.keyHash(order[position]);
  }

  @Override
  public ByteKey key() {
    return key;
  }

  @Override
  public ByteKey window() {
    return window;
  }

  @Override
  public Values values() {
    return valuesOf(index, order[position]);
  }

  static Values valuesOf(GroupIndex index, int entry) {
    return new InMemory(index, entry);
  }

  private record InMemory(GroupIndex index, int entry) implements Values {
    @Override
    public long count() {
      return index.count(entry);
    }

    @Override
    public long bytes() {
      return index.valueBytes(entry);
    }

    @Override
    public long time() {
      return index.time(entry);
    }

    @Override
    public boolean inChunks() {
      return false;
    }

    @Override
    public void copy(byte[] target, int at) {
      index.copyValues(entry, target, at);
    }

    @Override
    public void moveTo(ChunkWriter chunks) {
      index.copyValues(entry, chunks);
    }
  }
}
