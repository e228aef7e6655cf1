package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;

/**
 * Changes to cells that are not committed yet, over the committed cells. For one thread at a time.
 */
final class StateOverlay {
  private final StateStorage storage;
  private final MemoryBudget budget;
  private final Map<StateAddress, Change> changes = new HashMap<>();
  private long reserved;

  StateOverlay(StateStorage storage, MemoryBudget budget) {
    this.storage = storage;
    this.budget = budget;
  }

  void append(StateAddress cell, ByteKey entry, ByteString values) {
    change(cell).values(entry).append(values);
    reserve(values.size() + ValueChunks.OVERHEAD);
  }

  void append(StateAddress cell, ByteKey entry, byte[] source, int from, int to) {
    change(cell).values(entry).append(source, from, to);
    reserve(to - from + ValueChunks.OVERHEAD);
  }

  private Change change(StateAddress cell) {
    return changes.computeIfAbsent(cell, any -> new Change());
  }

  private void reserve(long bytes) {
    budget.reserve(bytes);
    reserved += bytes;
  }

  void clear(StateAddress cell) {
    Change change = change(cell);
    change.clearAll = true;
    change.cleared.clear();
    change.appended.clear();
  }

  /**
   * Clears the entries from one (inclusive) to another (exclusive).
   *
   * @param to null for no end
   */
  void clear(StateAddress cell, ByteKey from, @Nullable ByteKey to) {
    Change change = change(cell);
    range(change.appended, from, to).clear();
    if (!change.clearAll) {
      change.cleared.addAll(range(storage.entries(cell), from, to).keySet());
    }
  }

  void clearEntry(StateAddress cell, ByteKey entry) {
    Change change = change(cell);
    change.appended.remove(entry);
    if (!change.clearAll && storage.entries(cell).containsKey(entry)) {
      change.cleared.add(entry);
    }
  }

  private static NavigableMap<ByteKey, ValueChunks> range(
      NavigableMap<ByteKey, ValueChunks> entries, ByteKey from, @Nullable ByteKey to) {
    return to == null ? entries.tailMap(from, true) : entries.subMap(from, true, to, false);
  }

  /** The first entry at or after this one; null if there is none. */
  @Nullable ByteKey ceiling(StateAddress cell, ByteKey from) {
    Change change = changes.get(cell);
    NavigableMap<ByteKey, ValueChunks> committed = storage.entries(cell);
    if (change == null) {
      return committed.ceilingKey(from);
    }
    ByteKey appended = change.appended.ceilingKey(from);
    ByteKey kept = change.clearAll ? null : committed.ceilingKey(from);
    while (kept != null && change.cleared.contains(kept)) {
      kept = committed.higherKey(kept);
    }
    if (kept == null || appended == null) {
      return kept == null ? appended : kept;
    }
    return kept.compareTo(appended) <= 0 ? kept : appended;
  }

  /** An entry's values, committed ones first; empty if there is no such entry. */
  List<ValueChunks> values(StateAddress cell, ByteKey entry) {
    Change change = changes.get(cell);
    boolean cleared = change != null && (change.clearAll || change.cleared.contains(entry));
    ValueChunks kept = cleared ? null : storage.entries(cell).get(entry);
    ValueChunks appended = change == null ? null : change.appended.get(entry);
    if (kept == null || appended == null) {
      ValueChunks only = kept == null ? appended : kept;
      return only == null ? List.of() : List.of(only);
    }
    return List.of(kept, appended);
  }

  void commit() {
    changes.forEach(
        (cell, change) -> storage.apply(cell, change.clearAll, change.cleared, change.appended));
    discard();
  }

  void discard() {
    changes.clear();
    budget.release(reserved);
    reserved = 0;
  }

  /** What happened to a cell: first the clearing, then the appending. */
  private static final class Change {
    private boolean clearAll;
    private final Set<ByteKey> cleared = new HashSet<>();
    private final TreeMap<ByteKey, ValueChunks> appended = new TreeMap<>();

    ValueChunks values(ByteKey entry) {
      return appended.computeIfAbsent(entry, any -> new ValueChunks());
    }
  }
}
