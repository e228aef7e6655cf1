package org.trestle.engine.state;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.RecordPages;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.state.ResidentCells.Resident;
import org.trestle.fn.wire.ByteSink;

/**
 * Keeps user state in memory, counted in the budget. While that is exceeded, each change moves
 * something to disk: large values of the cell that is changed, and small cells as a whole, those
 * that were left alone for longest. Of such a cell some 24 bytes stay, which say where it is; it is
 * read from disk till it is changed again.
 */
final class PagingStateStorage implements StateStorage {
  /** How many cells a change moves to disk at most. */
  private static final int MOST_MOVES = 32;

  private final MemoryBudget budget;
  private final SpillFiles files;
  private final RecordPages pages;
  private final ConcurrentMap<StateName, ConcurrentMap<ByteKey, CellMap>> windowsByState =
      new ConcurrentHashMap<>();
  private final Map<Integer, CellMap> mapsById = new HashMap<>();
  private final ResidentCells residents = new ResidentCells();
  private final ByteSink record = new ByteSink();
  private int nextId;

  PagingStateStorage(MemoryBudget budget, SpillFiles files) {
    this.budget = budget;
    this.files = files;
    this.pages = new RecordPages(budget, files);
  }

  private record StateName(String transform, String userState) {
    static StateName of(StateAddress address) {
      return new StateName(address.transform(), address.userState());
    }
  }

  @Override
  public NavigableMap<ByteKey, ValueChunks> entries(StateAddress address) {
    CellMap cells = cells(address);
    if (cells == null) {
      return Collections.emptyNavigableMap();
    }
    Resident resident = cells.inMemory(address.key());
    Cell cell =
        resident != null
            ? resident.cell()
            : read(cells, address.key(), cells.locator(CellRecord.hash(address.key())));
    return cell == null ? Collections.emptyNavigableMap() : cell.entries();
  }

  private @Nullable CellMap cells(StateAddress address) {
    ConcurrentMap<ByteKey, CellMap> windows = windowsByState.get(StateName.of(address));
    return windows == null ? null : windows.get(address.window());
  }

  /** The cell of a key, from a record that may be of another key with the same hash. */
  private @Nullable Cell read(CellMap cells, ByteKey key, long locator) {
    return locator == RecordPages.NOWHERE
        ? null
        : CellRecord.decode(pages.read(locator), cells.id(), key);
  }

  @Override
  public synchronized void apply(
      StateAddress address,
      boolean clearAll,
      Set<ByteKey> cleared,
      NavigableMap<ByteKey, ValueChunks> appended) {
    ConcurrentMap<ByteKey, CellMap> windows =
        windowsByState.computeIfAbsent(StateName.of(address), any -> new ConcurrentHashMap<>());
    CellMap cells = windows.computeIfAbsent(address.window(), any -> make());
    ByteKey key = address.key();
    Resident resident = cells.inMemory(key);
    if (resident == null) {
      Cell cell = takeFromDisk(cells, key);
      resident = new Resident(cells, key, cell == null ? new Cell() : cell);
      cells.put(resident);
    }
    Cell cell = resident.cell();
    cell.change(clearAll, cleared, appended);
    if (cell.entries().isEmpty()) {
      forget(resident);
      removeIfEmpty(windows, address.window(), cells);
    } else {
      residents.changed(resident);
      reserve(resident);
      if (budget.exceeded() && cell.spill(files)) {
        reserve(resident);
      }
    }
    makeRoom();
  }

  private CellMap make() {
    CellMap cells = new CellMap(nextId++);
    mapsById.put(cells.id(), cells);
    return cells;
  }

  /** Takes the cell of a key off the disk; null if it is not there. */
  private @Nullable Cell takeFromDisk(CellMap cells, ByteKey key) {
    long hash = CellRecord.hash(key);
    long locator = cells.locator(hash);
    Cell cell = read(cells, key, locator);
    if (cell != null) {
      cells.removeLocator(hash);
      pages.free(locator);
    }
    return cell;
  }

  private void reserve(Resident resident) {
    long now = resident.cell().memory(resident.key());
    budget.change(resident.reserved, now);
    resident.reserved = now;
  }

  private void forget(Resident resident) {
    resident.cells().remove(resident);
    residents.remove(resident);
    budget.release(resident.reserved);
  }

  // ---- from memory to disk ----

  private void makeRoom() {
    for (int i = 0; i < MOST_MOVES && budget.exceeded(); i++) {
      Resident oldest = residents.takeOldest();
      if (oldest == null) {
        break;
      }
      if (oldest.cell().isSmall()) {
        move(oldest);
      }
    }
    pages.takeSparse(this::moveIfLive);
  }

  /** Moves a cell to disk; one that cannot go stays where it is, till it is changed. */
  private void move(Resident resident) {
    CellMap cells = resident.cells();
    long hash = CellRecord.hash(resident.key());
    record.clear();
    CellRecord.encode(resident.cell(), cells.id(), resident.key(), record);
    if (record.length() > RecordPages.MAX_RECORD_BYTES
        || cells.locator(hash) != RecordPages.NOWHERE) {
      return;
    }
    long locator = pages.add(record.array(), 0, record.length());
    budget.reserve(cells.putLocator(hash, locator));
    forget(resident);
  }

  /** Moves a record to another page if it still says what a cell has. */
  private void moveIfLive(long locator, byte[] page, int from, int to) {
    CellMap cells = mapsById.get(CellRecord.mapId(page, from));
    long hash = CellRecord.hash(page, from, to);
    if (cells != null && cells.locator(hash) == locator) {
      budget.reserve(cells.putLocator(hash, pages.add(page, from, to)));
      pages.free(locator);
    }
  }

  // ---- removal ----

  @Override
  public synchronized void remove(ByteKey window) {
    for (ConcurrentMap<ByteKey, CellMap> windows : windowsByState.values()) {
      CellMap cells = windows.remove(window);
      if (cells != null) {
        discard(cells);
      }
    }
  }

  private void discard(CellMap cells) {
    mapsById.remove(cells.id());
    cells.residents().forEach(this::discard);
    cells.forEachLocator(pages::free);
    budget.release(cells.indexMemory());
  }

  @Override
  public synchronized void remove(ByteKey window, ByteKey key) {
    for (ConcurrentMap<ByteKey, CellMap> windows : windowsByState.values()) {
      CellMap cells = windows.get(window);
      if (cells == null) {
        continue;
      }
      Resident resident = cells.inMemory(key);
      if (resident == null) {
        takeFromDisk(cells, key);
      } else {
        discard(resident);
      }
      removeIfEmpty(windows, window, cells);
    }
  }

  private void discard(Resident resident) {
    resident.cell().free();
    forget(resident);
  }

  private void removeIfEmpty(
      ConcurrentMap<ByteKey, CellMap> windows, ByteKey window, CellMap cells) {
    if (cells.isEmpty()) {
      windows.remove(window);
      discard(cells);
    }
  }

  @Override
  public synchronized void close() {
    for (ConcurrentMap<ByteKey, CellMap> windows : windowsByState.values()) {
      windows.keySet().forEach(this::remove);
    }
    windowsByState.clear();
    pages.close();
  }
}
