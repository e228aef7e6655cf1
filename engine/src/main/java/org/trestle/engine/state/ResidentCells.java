package org.trestle.engine.state;

import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;

/** Cells that are in memory, in the order of their last changes. For one thread at a time. */
final class ResidentCells {
  /** A cell in memory. */
  static final class Resident {
    private final CellMap cells;
    private final ByteKey key;
    private final Cell cell;
    private @Nullable Resident older;
    private @Nullable Resident newer;

    /** Bytes of the budget that are counted for the cell, by its storage. */
    long reserved;

    Resident(CellMap cells, ByteKey key, Cell cell) {
      this.cells = cells;
      this.key = key;
      this.cell = cell;
    }

    /** Where the cell is, by its key. */
    CellMap cells() {
      return cells;
    }

    ByteKey key() {
      return key;
    }

    Cell cell() {
      return cell;
    }
  }

  private @Nullable Resident oldest;
  private @Nullable Resident newest;

  /** The cell has been changed; it need not have been here. */
  void changed(Resident cell) {
    if (cell == newest) {
      return;
    }
    remove(cell);
    Resident before = newest;
    cell.older = before;
    if (before == null) {
      oldest = cell;
    } else {
      before.newer = cell;
    }
    newest = cell;
  }

  /** Forgets a cell; one that is not here is ignored. */
  void remove(Resident cell) {
    Resident before = cell.older;
    Resident after = cell.newer;
    if (before != null) {
      before.newer = after;
    } else if (oldest == cell) {
      oldest = after;
    }
    if (after != null) {
      after.older = before;
    } else if (newest == cell) {
      newest = before;
    }
    cell.older = null;
    cell.newer = null;
  }

  /** Removes the cell that was left alone for longest; null if there is none. */
  @Nullable Resident takeOldest() {
    Resident taken = oldest;
    if (taken != null) {
      remove(taken);
    }
    return taken;
  }
}
