package org.trestle.engine.state;

import java.util.Collections;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;

/**
 * Keeps user state on the heap, counted in the memory budget. When that is exceeded, the values of
 * cells that are changed go to disk, except for small ones, and are read from there.
 */
final class HeapStateStorage implements StateStorage {
  private static final int CELL_OVERHEAD = 128;

  private final MemoryBudget budget;
  private final SpillFiles files;
  private final ConcurrentMap<StateName, ConcurrentMap<ByteKey, Map<ByteKey, Cell>>>
      windowsByState = new ConcurrentHashMap<>();

  HeapStateStorage(MemoryBudget budget, SpillFiles files) {
    this.budget = budget;
    this.files = files;
  }

  @Override
  public NavigableMap<ByteKey, ValueChunks> entries(StateAddress address) {
    Cell cell = cell(address);
    return cell == null ? Collections.emptyNavigableMap() : cell.entries;
  }

  private @Nullable Cell cell(StateAddress address) {
    ConcurrentMap<ByteKey, Map<ByteKey, Cell>> windows =
        windowsByState.get(new StateName(address.transform(), address.userState()));
    Map<ByteKey, Cell> keys = windows == null ? null : windows.get(address.window());
    return keys == null ? null : keys.get(address.key());
  }

  @Override
  public void apply(
      StateAddress address,
      boolean clearAll,
      Set<ByteKey> cleared,
      NavigableMap<ByteKey, ValueChunks> appended) {
    Cell known = cell(address);
    Cell cell = known == null ? new Cell() : known;
    cell.change(clearAll, cleared, appended);
    reserve(cell, address);
    if (budget.exceeded() && cell.spill(files)) {
      reserve(cell, address);
    }
    if (cell.entries.isEmpty() != (known == null)) {
      place(address, cell);
    }
  }

  private void reserve(Cell cell, StateAddress address) {
    long now = cell.entries.isEmpty() ? 0 : cell.memory(address);
    if (now > cell.reserved) {
      budget.reserve(now - cell.reserved);
    } else {
      budget.release(cell.reserved - now);
    }
    cell.reserved = now;
  }

  private void free(Cell cell) {
    cell.entries.values().forEach(ValueChunks::free);
    budget.release(cell.reserved);
  }

  /** Puts a new cell in, or takes an empty one out; together with the map of its window. */
  private void place(StateAddress address, Cell cell) {
    windowsByState
        .computeIfAbsent(
            new StateName(address.transform(), address.userState()),
            any -> new ConcurrentHashMap<>())
        .compute(
            address.window(),
            (window, present) -> {
              Map<ByteKey, Cell> keys = present == null ? new ConcurrentHashMap<>() : present;
              if (cell.entries.isEmpty()) {
                keys.remove(address.key());
              } else {
                keys.put(address.key(), cell);
              }
              return keys.isEmpty() ? null : keys;
            });
  }

  @Override
  public void remove(ByteKey window) {
    for (ConcurrentMap<ByteKey, Map<ByteKey, Cell>> windows : windowsByState.values()) {
      Map<ByteKey, Cell> keys = windows.remove(window);
      if (keys != null) {
        keys.values().forEach(this::free);
      }
    }
  }

  @Override
  public void remove(ByteKey window, ByteKey key) {
    for (ConcurrentMap<ByteKey, Map<ByteKey, Cell>> windows : windowsByState.values()) {
      windows.computeIfPresent(
          window,
          (any, keys) -> {
            Cell cell = keys.remove(key);
            if (cell != null) {
              free(cell);
            }
            return keys.isEmpty() ? null : keys;
          });
    }
  }

  @Override
  public void close() {
    for (ConcurrentMap<ByteKey, Map<ByteKey, Cell>> windows : windowsByState.values()) {
      windows.keySet().forEach(this::remove);
    }
    windowsByState.clear();
  }

  private record StateName(String transform, String userState) {}

  /** One cell's entries. */
  private static final class Cell {
    private final TreeMap<ByteKey, ValueChunks> entries = new TreeMap<>();
    private long entryMemory;
    private long reserved;

    void change(
        boolean clearAll, Set<ByteKey> cleared, NavigableMap<ByteKey, ValueChunks> appended) {
      if (clearAll) {
        entries.values().forEach(ValueChunks::free);
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
              entries.put(key, values);
              entryMemory += key.length() + values.memory();
            } else {
              entryMemory -= present.memory();
              present.append(values);
              entryMemory += present.memory();
            }
          });
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

    long memory(StateAddress address) {
      return CELL_OVERHEAD + address.window().length() + address.key().length() + entryMemory;
    }
  }
}
