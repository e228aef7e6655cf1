package org.trestle.engine.core.schedule;

import java.util.ArrayDeque;
import java.util.List;

/** Blocks in order of arrival. */
final class PendingBlocks {
  private final ArrayDeque<PendingItem> items = new ArrayDeque<>();
  private long elements;
  private long bytes;

  void add(PendingItem item) {
    items.addLast(item);
    elements += item.block().count();
    bytes += item.block().bytes();
  }

  /**
   * Takes blocks from the front, at least one element, cutting the last block if needed.
   *
   * @param holds keeps the holds of what is taken; a block that is cut gets new ones
   */
  void take(long maxElements, long maxBytes, StageHolds holds, List<PendingItem> into) {
    long taken = 0;
    long takenBytes = 0;
    while (!items.isEmpty() && taken < maxElements && takenBytes < maxBytes) {
      PendingItem item = items.removeFirst();
      int count = item.block().count();
      long fits = maxElements - taken;
      if (takenBytes + item.block().bytes() > maxBytes) {
        long bytesEach = Math.max(1, item.block().bytes() / count);
        fits = Math.min(fits, (maxBytes - takenBytes) / bytesEach);
      }
      fits = Math.max(fits, taken == 0 ? 1 : 0);
      if (fits == 0) {
        items.addFirst(item);
        return;
      }
      elements -= count;
      bytes -= item.block().bytes();
      if (fits < count) {
        PendingItem head = item.slice(0, (int) fits);
        PendingItem rest = item.slice((int) fits, count);
        holds.remove(item);
        holds.add(head);
        holds.add(rest);
        items.addFirst(rest);
        elements += rest.block().count();
        bytes += rest.block().bytes();
        item = head;
      }
      into.add(item);
      taken += item.block().count();
      takenBytes += item.block().bytes();
    }
  }

  boolean isEmpty() {
    return items.isEmpty();
  }

  long elements() {
    return elements;
  }

  long bytes() {
    return bytes;
  }

  /** How many elements the first block has; there must be one. */
  int firstElements() {
    return items.getFirst().block().count();
  }
}
