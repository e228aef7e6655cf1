package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * Elements that wait for those before them: given out by key group in the order of their
 * timestamps, those of one timestamp as they came.
 *
 * <p>Safe for use by several threads, as long as a key group is used by one at a time. In memory
 * while the budget allows; then all elements of the key group that is added to go to disk, as a
 * sorted run.
 */
public final class SortTable implements AutoCloseable {
  /** Smaller runs are not worth a place on disk. */
  static final int MIN_RUN_BYTES = 1 << 20;

  /** Runs are read and elements are given out in pieces of about this size. */
  private static final int CHUNK_BYTES = 64 << 10;

  /** What an element in memory costs beyond its bytes, about. */
  private static final int OVERHEAD = 80;

  private final EdgeFormat format;
  private final MemoryBudget budget;
  private final SpillFiles files;
  private final Group[] groups;

  /** An empty table for elements of this format. */
  public SortTable(EdgeFormat format, int keyGroups, MemoryBudget budget, SpillFiles files) {
    this.format = format;
    this.budget = budget;
    this.files = files;
    this.groups = new Group[keyGroups];
    for (int i = 0; i < keyGroups; i++) {
      groups[i] = new Group();
    }
  }

  /** Adds the element that a cursor is at. */
  public void add(int keyGroup, WindowedValueCursor element) {
    Group group = groups[keyGroup];
    byte[] bytes = new byte[element.elementEnd() - element.elementStart()];
    System.arraycopy(element.buffer(), element.elementStart(), bytes, 0, bytes.length);
    group.waiting.add(new Waiting(element.timestamp(), group.added++, bytes));
    long memory = bytes.length + (long) OVERHEAD;
    group.memory += memory;
    budget.reserve(memory);
    if (group.memory >= MIN_RUN_BYTES && budget.exceeded()) {
      spill(group);
    }
  }

  /** The timestamp of the first element of a key group; {@link Long#MAX_VALUE} if there is none. */
  public long earliest(int keyGroup) {
    Group group = groups[keyGroup];
    Waiting waiting = group.waiting.peek();
    Run run = group.runs.peek();
    return Math.min(
        waiting == null ? Long.MAX_VALUE : waiting.timestamp,
        run == null ? Long.MAX_VALUE : run.timestamp());
  }

  /**
   * Moves the elements of a key group up to a timestamp (inclusive) into a writer.
   *
   * @throws SpillException if the disk fails
   */
  public void drain(int keyGroup, long timestamp, EdgeWriter into) {
    Group group = groups[keyGroup];
    ByteSink piece = new ByteSink();
    while (!group.isEmpty() && earliest(keyGroup) <= timestamp) {
      Waiting waiting = group.waiting.peek();
      Run run = group.runs.peek();
      // What is on disk came before what is in memory.
      if (run != null && (waiting == null || run.timestamp() <= waiting.timestamp)) {
        group.runs.remove();
        run.copyTo(piece);
        if (run.advance()) {
          group.runs.add(run);
        }
      } else if (waiting != null) {
        group.waiting.remove();
        piece.put(waiting.element);
        release(group, waiting.element.length + (long) OVERHEAD);
      }
      if (piece.length() >= CHUNK_BYTES) {
        into.append(piece.drain());
      }
    }
    into.append(piece.drain());
    group.runs.forEach(Run::unload);
  }

  private void release(Group group, long memory) {
    group.memory -= memory;
    budget.release(memory);
  }

  private void spill(Group group) {
    List<SpillFiles.Extent> chunks = new ArrayList<>();
    ByteSink chunk = new ByteSink(CHUNK_BYTES);
    long first = group.waiting.element().timestamp;
    for (Waiting next = group.waiting.poll(); next != null; next = group.waiting.poll()) {
      if (!chunk.isEmpty() && chunk.length() + next.element.length > CHUNK_BYTES) {
        chunks.add(files.write(chunk.array(), 0, chunk.length()));
        chunk.clear();
      }
      chunk.put(next.element);
    }
    chunks.add(files.write(chunk.array(), 0, chunk.length()));
    release(group, group.memory);
    group.runs.add(new Run(group.spilled++, chunks, first, format.cursor()));
  }

  /** Frees all; nobody uses the table any more. Idempotent. */
  @Override
  public void close() {
    for (Group group : groups) {
      release(group, group.memory);
      group.waiting.clear();
      group.runs.clear();
    }
  }

  private static final class Waiting {
    private final long timestamp;
    private final long number;
    private final byte[] element;

    Waiting(long timestamp, long number, byte[] element) {
      this.timestamp = timestamp;
      this.number = number;
      this.element = element;
    }

    long timestamp() {
      return timestamp;
    }

    long number() {
      return number;
    }
  }

  private static final class Group {
    private final PriorityQueue<Waiting> waiting =
        new PriorityQueue<>(
            Comparator.comparingLong(Waiting::timestamp).thenComparingLong(Waiting::number));
    private final PriorityQueue<Run> runs =
        new PriorityQueue<>(Comparator.comparingLong(Run::timestamp).thenComparingInt(Run::number));
    private long added;
    private int spilled;
    private long memory;

    boolean isEmpty() {
      return waiting.isEmpty() && runs.isEmpty();
    }
  }

  /** Sorted elements on disk, of which the first have been given out. */
  private static final class Run {
    private final int number;
    private final List<SpillFiles.Extent> chunks;
    private final WindowedValueCursor cursor;
    private int chunk;
    private int position;
    private long timestamp;

    /** The bytes of the current chunk, if they are needed. */
    private byte @Nullable [] loaded;

    Run(int number, List<SpillFiles.Extent> chunks, long first, WindowedValueCursor cursor) {
      this.number = number;
      this.chunks = chunks;
      this.timestamp = first;
      this.cursor = cursor;
    }

    int number() {
      return number;
    }

    long timestamp() {
      return timestamp;
    }

    /** Goes to the element at the position. */
    private void load() {
      byte[] bytes = loaded;
      if (bytes == null) {
        bytes = chunks.get(chunk).read(0, chunks.get(chunk).length());
        loaded = bytes;
        cursor.reset(bytes, position, bytes.length);
        cursor.next();
      }
    }

    void copyTo(ByteSink sink) {
      load();
      sink.put(cursor.buffer(), cursor.elementStart(), cursor.elementEnd());
    }

    /** Goes to the next element; false if there is none. */
    boolean advance() {
      load();
      position = cursor.elementEnd();
      if (!cursor.next()) {
        loaded = null;
        chunks.get(chunk++).free();
        position = 0;
        if (chunk == chunks.size()) {
          return false;
        }
        load();
      }
      timestamp = cursor.timestamp();
      return true;
    }

    void unload() {
      loaded = null;
    }
  }
}
