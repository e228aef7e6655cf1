package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * The groups of one grouping stage over bounded input, by key group.
 *
 * <p>A key group belongs to one thread at a time, different key groups to different threads. What
 * is added counts at once, also if the bundle that adds it fails later: grouping bundles fail only
 * if the disk does or the input is malformed, and that ends the job.
 *
 * <p>While memory is scarce, key groups that hold more than a little go to disk as sorted runs,
 * which are merged in the end.
 */
public final class GroupTable implements AutoCloseable {
  /** A key group goes to disk only if it holds this much, so that runs are not too many. */
  private static final long MIN_RUN_BYTES = 1L << 20;

  private final Grouping grouping;
  private final MemoryBudget budget;
  private final SpillFiles files;
  private final long minRunBytes;
  private final KeyGroup[] keyGroups;

  /**
   * An empty table.
   *
   * @param keyGroups how many there are
   * @param files where key groups go when the budget is exceeded
   */
  public GroupTable(Grouping grouping, int keyGroups, MemoryBudget budget, SpillFiles files) {
    this(grouping, keyGroups, budget, files, MIN_RUN_BYTES);
  }

  GroupTable(
      Grouping grouping, int keyGroups, MemoryBudget budget, SpillFiles files, long minRunBytes) {
    this.grouping = grouping;
    this.budget = budget;
    this.files = files;
    this.minRunBytes = minRunBytes;
    this.keyGroups = new KeyGroup[keyGroups];
    for (int i = 0; i < keyGroups; i++) {
      this.keyGroups[i] = new KeyGroup();
    }
  }

  /**
   * Adds elements whose keys belong to the key group. An element in several windows counts in each.
   * The block is not released.
   *
   * @throws org.trestle.fn.wire.WireFormatException if they are malformed
   * @throws SpillException if the disk fails
   */
  public void add(int keyGroup, ElementBlock block) {
    keyGroups[keyGroup].add((EncodedBlock) block);
  }

  /**
   * Writes each group of the key group once, as a windowed {@code KV<K, Iterable<V>>}, and frees
   * the key group.
   *
   * @throws GroupTooLargeException if a group does not fit into one element
   * @throws org.trestle.fn.wire.WireFormatException if a window is malformed
   * @throws SpillException if the disk fails
   */
  public void drain(int keyGroup, EdgeWriter output) {
    keyGroups[keyGroup].drain(output);
  }

  /** About how many bytes of the key groups {@link #drain} writes, but for those on disk. */
  public long bytes(List<Integer> drained) {
    return drained.stream().mapToLong(keyGroup -> keyGroups[keyGroup].bytes()).sum();
  }

  /** Frees all key groups. Idempotent. */
  @Override
  public void close() {
    for (KeyGroup keyGroup : keyGroups) {
      keyGroup.free();
    }
  }

  /** One key group's values. Its lock is free but for {@link #close}. */
  private final class KeyGroup {
    private GroupIndex index = new GroupIndex(grouping.outputTime(), budget.chunks());
    private final List<SortedRun> runs = new ArrayList<>();
    private long reserved;

    synchronized void add(EncodedBlock block) {
      Segment.View view = block.view();
      WindowedValueCursor cursor = grouping.input().cursor();
      byte[] buffer = view.bytes();
      cursor.reset(buffer, view.start(), view.limit());
      while (cursor.next()) {
        for (int window = 0; window < cursor.windowCount(); window++) {
          if (!index.hasRoom(cursor.elementEnd() - cursor.elementStart())) {
            spill();
          }
          int entry =
              index.entry(
                  buffer,
                  cursor.keyStart(),
                  cursor.keyEnd(),
                  cursor.windowStart(window),
                  cursor.windowEnd(window));
          index.add(entry, buffer, cursor.keyEnd(), cursor.valueEnd(), cursor.timestamp());
        }
      }
      account();
      if (budget.scarce() && index.memory() >= minRunBytes) {
        spill();
      }
    }

    private void account() {
      long now = index.memory();
      budget.change(reserved, now);
      reserved = now;
    }

    synchronized long bytes() {
      return GroupEmitter.bytes(index);
    }

    private void spill() {
      if (index.size() == 0) {
        return;
      }
      runs.add(SortedRun.write(index, files));
      clear();
      account();
    }

    synchronized void drain(EdgeWriter output) {
      GroupEmitter emitter = new GroupEmitter(grouping, output);
      if (runs.isEmpty() && grouping.merger() == null) {
        emitter.emitAll(index);
      } else {
        List<GroupScan> scans = new ArrayList<>();
        for (SortedRun run : runs) {
          scans.add(run.scan());
        }
        scans.add(new IndexScan(index));
        emitter.emitAll(scans);
      }
      free();
    }

    private void clear() {
      index.recycle();
      index = new GroupIndex(grouping.outputTime(), budget.chunks());
    }

    synchronized void free() {
      runs.forEach(SortedRun::close);
      runs.clear();
      clear();
      budget.release(reserved);
      reserved = 0;
    }
  }
}
