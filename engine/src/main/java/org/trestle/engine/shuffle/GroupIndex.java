package org.trestle.engine.shuffle;

import java.util.Arrays;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.KeyGroups;

/**
 * Values by key and window, in memory. For one thread at a time.
 *
 * <p>Entries are numbered in order of appearance; what is known of them is kept in parallel arrays,
 * and an open hash table of numbers finds them. Keys, windows and values are in an arena; the
 * values of an entry are a list: address of the next, length, bytes. An arena starts with four
 * bytes that nothing refers to, so that address 0 ends a list.
 */
final class GroupIndex {
  private static final int INITIAL_ENTRIES = 16;
  private static final int HEADER = 2 * Integer.BYTES;
  private static final int ENTRY_BYTES = 7 * Integer.BYTES;

  private final OutputTime outputTime;
  private final ByteArena arena;
  private int[] slots = new int[2 * INITIAL_ENTRIES];
  private int size;
  private long contentBytes;

  private int[] keyHash = new int[INITIAL_ENTRIES];
  private int[] hash = new int[INITIAL_ENTRIES];
  private int[] names = new int[INITIAL_ENTRIES];
  private int[] heads = new int[INITIAL_ENTRIES];
  private int[] tails = new int[INITIAL_ENTRIES];
  private int[] counts = new int[INITIAL_ENTRIES];
  private int[] lengths = new int[INITIAL_ENTRIES];
  private long[] times;

  /**
   * An empty index.
   *
   * @param outputTime which of the values' timestamps to keep
   * @param pool where memory comes from
   */
  GroupIndex(OutputTime outputTime, ChunkPool pool) {
    this.outputTime = outputTime;
    this.arena = new ByteArena(pool);
    this.times = new long[outputTime == OutputTime.END_OF_WINDOW ? 0 : INITIAL_ENTRIES];
    arena.putInt(0);
  }

  /** Gives memory back; the index must not be used any more. */
  void recycle() {
    arena.recycle();
  }

  /** How many entries. */
  int size() {
    return size;
  }

  /** Bytes of the keys, windows and values together. */
  long contentBytes() {
    return contentBytes;
  }

  /** Bytes of memory held. */
  long memory() {
    return arena.memory()
        + (long) ENTRY_BYTES * keyHash.length
        + (long) Long.BYTES * times.length
        + (long) Integer.BYTES * slots.length;
  }

  /** Whether a value of so many bytes, with its key and window, can still be added. */
  boolean hasRoom(long bytes) {
    return arena.hasRoom(bytes + 4L * HEADER);
  }

  /** Returns the entry of a key and window, new if need be; both are in the same array. */
  int entry(byte[] buffer, int keyFrom, int keyTo, int windowFrom, int windowTo) {
    // The key group comes from the high half of the hash: it is the same for all keys here.
    int ofKey = (int) KeyGroups.hash(buffer, keyFrom, keyTo);
    int wanted =
        windowFrom == windowTo
            ? ofKey
            : ofKey * 31 + (int) KeyGroups.hash(buffer, windowFrom, windowTo);
    int mask = slots.length - 1;
    int slot = wanted & mask;
    while (slots[slot] != 0) {
      int entry = slots[slot] - 1;
      if (hash[entry] == wanted && isNamed(entry, buffer, keyFrom, keyTo, windowFrom, windowTo)) {
        return entry;
      }
      slot = (slot + 1) & mask;
    }
    int entry = size++;
    if (entry == keyHash.length) {
      growEntries();
    }
    slots[slot] = entry + 1;
    keyHash[entry] = ofKey;
    hash[entry] = wanted;
    arena.align(HEADER);
    names[entry] = arena.size();
    arena.putInt(keyTo - keyFrom);
    arena.putInt(windowTo - windowFrom);
    arena.put(buffer, keyFrom, keyTo);
    arena.put(buffer, windowFrom, windowTo);
    contentBytes += keyTo - keyFrom + windowTo - windowFrom;
    if (2 * size > slots.length) {
      growSlots();
    }
    return entry;
  }

  /** Returns the entry of a key and window, or -1. */
  int find(byte[] key, byte[] window) {
    int ofKey = (int) KeyGroups.hash(key, 0, key.length);
    int wanted =
        window.length == 0 ? ofKey : ofKey * 31 + (int) KeyGroups.hash(window, 0, window.length);
    int mask = slots.length - 1;
    for (int slot = wanted & mask; slots[slot] != 0; slot = (slot + 1) & mask) {
      int entry = slots[slot] - 1;
      if (hash[entry] == wanted
          && keyLength(entry) == key.length
          && windowLength(entry) == window.length
          && arena.matches(names[entry] + HEADER, key, 0, key.length)
          && arena.matches(names[entry] + HEADER + key.length, window, 0, window.length)) {
        return entry;
      }
    }
    return -1;
  }

  private boolean isNamed(
      int entry, byte[] buffer, int keyFrom, int keyTo, int windowFrom, int windowTo) {
    int keyLength = keyTo - keyFrom;
    return keyLength(entry) == keyLength
        && windowLength(entry) == windowTo - windowFrom
        && arena.matches(names[entry] + HEADER, buffer, keyFrom, keyTo)
        && arena.matches(names[entry] + HEADER + keyLength, buffer, windowFrom, windowTo);
  }

  private void growEntries() {
    int capacity = keyHash.length + (keyHash.length >> 1);
    keyHash = Arrays.copyOf(keyHash, capacity);
    hash = Arrays.copyOf(hash, capacity);
    names = Arrays.copyOf(names, capacity);
    heads = Arrays.copyOf(heads, capacity);
    tails = Arrays.copyOf(tails, capacity);
    counts = Arrays.copyOf(counts, capacity);
    lengths = Arrays.copyOf(lengths, capacity);
    if (times.length > 0) {
      times = Arrays.copyOf(times, capacity);
    }
  }

  private void growSlots() {
    int[] larger = new int[2 * slots.length];
    int mask = larger.length - 1;
    for (int entry = 0; entry < size; entry++) {
      int slot = hash[entry] & mask;
      while (larger[slot] != 0) {
        slot = (slot + 1) & mask;
      }
      larger[slot] = entry + 1;
    }
    slots = larger;
  }

  /** Adds a value to an entry. */
  void add(int entry, byte[] buffer, int from, int to, long timestamp) {
    arena.align(HEADER);
    int node = arena.size();
    arena.putInt(0);
    arena.putInt(to - from);
    arena.put(buffer, from, to);
    if (heads[entry] == 0) {
      heads[entry] = node;
    } else {
      arena.setInt(tails[entry], node);
    }
    tails[entry] = node;
    lengths[entry] += to - from;
    contentBytes += to - from;
    boolean first = counts[entry]++ == 0;
    if (times.length > 0) {
      times[entry] = first ? timestamp : combine(outputTime, times[entry], timestamp);
    }
  }

  /** The timestamp of two values together. */
  static long combine(OutputTime outputTime, long one, long other) {
    return switch (outputTime) {
      case EARLIEST -> Math.min(one, other);
      case LATEST -> Math.max(one, other);
      case END_OF_WINDOW -> 0;
    };
  }

  int keyHash(int entry) {
    return keyHash[entry];
  }

  int keyLength(int entry) {
    return arena.intAt(names[entry]);
  }

  int windowLength(int entry) {
    return arena.intAt(names[entry] + Integer.BYTES);
  }

  void copyKey(int entry, byte[] target, int at) {
    arena.copy(names[entry] + HEADER, target, at, keyLength(entry));
  }

  void copyWindow(int entry, byte[] target, int at) {
    arena.copy(names[entry] + HEADER + keyLength(entry), target, at, windowLength(entry));
  }

  int count(int entry) {
    return counts[entry];
  }

  /** Bytes of an entry's values, together. */
  int valueBytes(int entry) {
    return lengths[entry];
  }

  /** The values' combined timestamp; 0 if none is kept. */
  long time(int entry) {
    return times.length == 0 ? 0 : times[entry];
  }

  /** Copies an entry's values, one after the other, in the order they were added. */
  void copyValues(int entry, byte[] target, int at) {
    int position = at;
    for (int node = heads[entry]; node != 0; node = arena.intAt(node)) {
      int length = arena.intAt(node + Integer.BYTES);
      arena.copy(node + HEADER, target, position, length);
      position += length;
    }
  }

  /** Adds an entry's values to chunks, in the order they were added. */
  void copyValues(int entry, ChunkWriter chunks) {
    for (int node = heads[entry]; node != 0; node = arena.intAt(node)) {
      int length = arena.intAt(node + Integer.BYTES);
      chunks.reserve(length);
      arena.copy(node + HEADER, chunks.array(), chunks.position(), length);
      chunks.written(length);
    }
  }
}
