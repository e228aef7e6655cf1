package org.trestle.engine.state;

import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.RecordPages;
import org.trestle.engine.shuffle.SpillFiles;

/** One cell of user state: its entries, of which large values may be on disk. */
final class Cell {
  /** What a cell's objects and its place in a map cost, about. */
  private static final int OVERHEAD = 264;

  private final TreeMap<ByteKey, ValueChunks> entries = new TreeMap<>();
  private long entryMemory;

  NavigableMap<ByteKey, ValueChunks> entries() {
    return entries;
  }

  /** Adds an entry that the cell does not have. */
  void add(ByteKey key, ValueChunks values) {
    entries.put(key, values);
    entryMemory += key.length() + values.memory();
  }

  void change(boolean clearAll, Set<ByteKey> cleared, NavigableMap<ByteKey, ValueChunks> appended) {
    if (clearAll) {
      free();
      entries.clear();
      entryMemory = 0;
    }
    for (ByteKey key : cleared) {
      ValueChunks gone = entries.remove(key);
      if (gone != null) {
        entryMemory -= key.length() + gone.memory();
        gone.free();
      }
    }
    appended.forEach(
        (key, values) -> {
          ValueChunks present = entries.get(key);
          if (present == null) {
            add(key, values);
          } else {
            entryMemory -= present.memory();
            present.append(values);
            entryMemory += present.memory();
          }
        });
  }

  /** Whether all is in memory, and may be little enough for a record. */
  boolean isSmall() {
    if (entryMemory > 2 * RecordPages.MAX_RECORD_BYTES) {
      return false;
    }
    for (ValueChunks values : entries.values()) {
      if (values.chunks() > 1) {
        return false;
      }
    }
    return true;
  }

  /** Moves what is worth it to disk; whether anything could be. */
  boolean spill(SpillFiles files) {
    long before = entryMemory;
    for (ValueChunks values : entries.values()) {
      entryMemory -= values.memory();
      values.spill(files);
      entryMemory += values.memory();
    }
    return entryMemory < before;
  }

  /** Gives back the room on disk; the entries are not read any more. */
  void free() {
    entries.values().forEach(ValueChunks::free);
  }

  /** Bytes of memory held, with the key. */
  long memory(ByteKey key) {
    return OVERHEAD + key.length() + entryMemory;
  }
}
