package org.trestle.engine.state;

import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.state.ResidentCells.Resident;

/**
 * The cells of one state in one window by key, some in memory and some on disk. Any thread may read
 * while one changes it; a key whose cell goes from one to the other is never in neither.
 */
final class CellMap {
  private final int id;
  private final ConcurrentMap<ByteKey, Resident> inMemory = new ConcurrentHashMap<>();

  /** By the hash of the key; guarded by itself. */
  private final RecordIndex onDisk = new RecordIndex();

  /**
   * An empty map.
   *
   * @param id says in records on disk that they are of this map
   */
  CellMap(int id) {
    this.id = id;
  }

  int id() {
    return id;
  }

  boolean isEmpty() {
    synchronized (onDisk) {
      return inMemory.isEmpty() && onDisk.size() == 0;
    }
  }

  // ---- in memory ----

  @Nullable Resident inMemory(ByteKey key) {
    return inMemory.get(key);
  }

  Collection<Resident> residents() {
    return inMemory.values();
  }

  void put(Resident resident) {
    inMemory.put(resident.key(), resident);
  }

  void remove(Resident resident) {
    inMemory.remove(resident.key());
  }

  // ---- on disk ----

  /** Where the record of a key with this hash is. */
  long locator(long hash) {
    synchronized (onDisk) {
      return onDisk.get(hash);
    }
  }

  /** Sets where the record is; returns how many bytes more the index takes now. */
  long putLocator(long hash, long locator) {
    synchronized (onDisk) {
      long before = onDisk.memory();
      onDisk.put(hash, locator);
      return onDisk.memory() - before;
    }
  }

  void removeLocator(long hash) {
    synchronized (onDisk) {
      onDisk.remove(hash);
    }
  }

  void forEachLocator(LongConsumer consumer) {
    synchronized (onDisk) {
      onDisk.forEach(consumer);
    }
  }

  /** Bytes of memory that the index takes. */
  long indexMemory() {
    synchronized (onDisk) {
      return onDisk.memory();
    }
  }
}
