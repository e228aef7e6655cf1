package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import java.util.Collections;
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
  /** What the objects of a change cost beyond keys and values, about. */
  private static final int CHANGE_OVERHEAD = 256;

  private final StateStorage storage;
  private final MemoryBudget budget;
  private final Map<StateAddress, Change> changes = new HashMap<>();
  private long reserved;

  // What a request has read last: it reads the same cell several times, perhaps from disk.
  private @Nullable StateAddress lastCell;
  private NavigableMap<ByteKey, ValueChunks> lastEntries = Collections.emptyNavigableMap();

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
    return changes.computeIfAbsent(
        cell,
        any -> {
          reserve(CHANGE_OVERHEAD + cell.key().length());
          return new Change();
        });
  }

  /** The next request begins. */
  void nextRequest() {
    lastCell = null;
  }

  /** The committed entries of a cell, which stay as they are during a request. */
  private NavigableMap<ByteKey, ValueChunks> committed(StateAddress cell) {
    if (!cell.equals(lastCell)) {
      lastEntries = storage.entries(cell);
      lastCell = cell;
    }
    return lastEntries;
  }

  private void reserve(long bytes) {
    budget.reserve(bytes);
    reserved += bytes;
  }

  void clear(StateAddress cell) {
    Change change = change(cell);
    change.clearAll = true;
    change.cleared = Set.of();
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
      change.cleared().addAll(range(committed(cell), from, to).keySet());
    }
  }

  void clearEntry(StateAddress cell, ByteKey entry) {
    Change change = change(cell);
    change.appended.remove(entry);
    if (!change.clearAll && committed(cell).containsKey(entry)) {
      change.cleared().add(entry);
    }
  }

  private static NavigableMap<ByteKey, ValueChunks> range(
      NavigableMap<ByteKey, ValueChunks> entries, ByteKey from, @Nullable ByteKey to) {
    return to == null ? entries.tailMap(from, true) : entries.subMap(from, true, to, false);
  }

  /** The first entry at or after this one; null if there is none. */
  @Nullable ByteKey ceiling(StateAddress cell, ByteKey from) {
    Change change = changes.get(cell);
    NavigableMap<ByteKey, ValueChunks> committed = committed(cell);
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
    ValueChunks kept = cleared ? null : committed(cell).get(entry);
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
    private Set<ByteKey> cleared = Set.of();
    private final TreeMap<ByteKey, ValueChunks> appended = new TreeMap<>();

    Set<ByteKey> cleared() {
      if (cleared.isEmpty()) {
        cleared = new HashSet<>();
      }
      return cleared;
    }

    ValueChunks values(ByteKey entry) {
      return appended.computeIfAbsent(entry, any -> new ValueChunks());
    }
  }
}
