package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowMerger.Merged;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.WireFormatException;

/**
 * Writes groups as elements: {@code KV<K, Iterable<V>>} in the group's window, in its only pane.
 * For one thread.
 *
 * <p>Where the readers can page through values, a large group is an element that has none but the
 * number of a {@linkplain PagedGroups paged group}.
 */
final class GroupEmitter {
  /** Windows of several keys are merged together, up to about so many. */
  private static final int MERGE_BATCH_WINDOWS = 4096;

  /** So many bytes are paged if most of them are in chunks already. */
  static final int MIN_PAGED_BYTES = 256 << 10;

  /** What an element has besides key, window and values. */
  private static final int FIXED_BYTES = Timestamps.LENGTH + 2 * Integer.BYTES + 1;

  private final Grouping grouping;
  private final EdgeWriter output;

  GroupEmitter(Grouping grouping, EdgeWriter output) {
    this.grouping = grouping;
    this.output = output;
  }

  /** How many bytes are written for the entries of an index, if no window is merged. */
  static long bytes(GroupIndex index) {
    return index.contentBytes() + (long) index.size() * FIXED_BYTES;
  }

  /** Writes each entry of an index as a group. */
  void emitAll(GroupIndex index) {
    for (int entry = 0; entry < index.size(); entry++) {
      PagedGroups paged = output.pagedGroups();
      if (paged != null && index.valueBytes(entry) > PagedGroups.MAX_INLINE_BYTES) {
        emitPaged(paged, index, entry);
        continue;
      }
      int keyLength = index.keyLength(entry);
      int windowLength = index.windowLength(entry);
      Element element = begin(keyLength, windowLength, index.count(entry), index.valueBytes(entry));
      index.copyWindow(entry, output.array(), element.window);
      index.copyKey(entry, output.array(), element.key);
      index.copyValues(entry, output.array(), element.values);
      commit(element, index.time(entry));
    }
  }

  /** Writes the entries of several scans; those of the same key and window together. */
  void emitAll(List<GroupScan> scans) {
    PriorityQueue<Source> queue = new PriorityQueue<>(Math.max(1, scans.size()));
    for (int i = 0; i < scans.size(); i++) {
      if (scans.get(i).next()) {
        queue.add(new Source(scans.get(i), i));
      }
    }
    List<KeyWindows> batch = new ArrayList<>();
    int batchWindows = 0;
    while (!queue.isEmpty()) {
      GroupScan first = queue.element().scan;
      ByteKey key = first.key();
      Group group = new Group(key, first.window());
      while (!queue.isEmpty() && group.isOf(queue.element().scan)) {
        Source source = queue.remove();
        group.values.add(source.scan.values());
        if (source.scan.next()) {
          queue.add(source);
        }
      }
      if (grouping.merger() == null) {
        emit(key, group.window, group.values);
        continue;
      }
      if (batch.isEmpty() || !batch.get(batch.size() - 1).key.equals(key)) {
        if (batchWindows >= MERGE_BATCH_WINDOWS) {
          emitMerged(grouping.merger(), batch);
          batch.clear();
          batchWindows = 0;
        }
        batch.add(new KeyWindows(key, new ArrayList<>()));
      }
      batch.get(batch.size() - 1).groups.add(group);
      batchWindows++;
    }
    if (!batch.isEmpty() && grouping.merger() != null) {
      emitMerged(grouping.merger(), batch);
    }
  }

  private void emitMerged(WindowMerger merger, List<KeyWindows> batch) {
    List<List<ByteKey>> windowSets = new ArrayList<>(batch.size());
    for (KeyWindows keyWindows : batch) {
      List<ByteKey> windows = new ArrayList<>(keyWindows.groups.size());
      for (Group group : keyWindows.groups) {
        windows.add(group.window);
      }
      windowSets.add(windows);
    }
    List<List<Merged>> results = merger.merge(windowSets);
    if (results.size() != batch.size()) {
      throw new WireFormatException(
          "merging " + batch.size() + " sets of windows gave " + results.size());
    }
    for (int i = 0; i < batch.size(); i++) {
      emitMerged(batch.get(i), results.get(i));
    }
  }

  private void emitMerged(KeyWindows keyWindows, List<Merged> merges) {
    if (keyWindows.groups.size() == 1 && merges.size() == 1) {
      emit(keyWindows.key, merges.get(0).window(), keyWindows.groups.get(0).values);
      return;
    }
    Map<ByteKey, Group> byWindow = new HashMap<>();
    for (Group group : keyWindows.groups) {
      byWindow.put(group.window, group);
    }
    Set<ByteKey> consumed = new HashSet<>();
    for (Merged merged : merges) {
      List<GroupScan.Values> values = new ArrayList<>();
      for (ByteKey source : merged.sources()) {
        Group group = byWindow.get(source);
        if (group == null) {
          throw new WireFormatException(
              "the window fn merged a window it was not given: " + source);
        }
        if (!consumed.add(source)) {
          throw new WireFormatException("the window fn merged a window twice: " + source);
        }
        values.addAll(group.values);
      }
      if (!values.isEmpty()) {
        emit(keyWindows.key, merged.window(), values);
      }
    }
    for (Group group : keyWindows.groups) {
      if (!consumed.contains(group.window)) {
        emit(keyWindows.key, group.window, group.values);
      }
    }
  }

  private void emit(ByteKey key, ByteKey window, List<GroupScan.Values> values) {
    long count = 0;
    long bytes = 0;
    long time = values.get(0).time();
    for (GroupScan.Values part : values) {
      count += part.count();
      bytes += part.bytes();
      time = GroupIndex.combine(grouping.outputTime(), time, part.time());
    }
    PagedGroups paged = output.pagedGroups();
    if (paged != null && isPaged(values, bytes)) {
      emitPaged(paged, key, window, values, time);
      return;
    }
    Element element = begin(key.length(), window.length(), count, bytes);
    System.arraycopy(window.bytes(), 0, output.array(), element.window, window.length());
    System.arraycopy(key.bytes(), 0, output.array(), element.key, key.length());
    int at = element.values;
    for (GroupScan.Values part : values) {
      part.copy(output.array(), at);
      at += (int) part.bytes();
    }
    commit(element, time);
  }

  private static boolean isPaged(List<GroupScan.Values> values, long bytes) {
    if (bytes < MIN_PAGED_BYTES || bytes > PagedGroups.MAX_INLINE_BYTES) {
      return bytes > PagedGroups.MAX_INLINE_BYTES;
    }
    long inChunks = 0;
    for (GroupScan.Values part : values) {
      inChunks += part.inChunks() ? part.bytes() : 0;
    }
    return inChunks > bytes / 2;
  }

  private void emitPaged(PagedGroups paged, GroupIndex index, int entry) {
    ByteKey key = IndexScan.keyOf(index, entry);
    ByteKey window = IndexScan.windowOf(index, entry);
    emitPaged(paged, key, window, List.of(IndexScan.valuesOf(index, entry)), index.time(entry));
  }

  private void emitPaged(
      PagedGroups paged, ByteKey key, ByteKey window, List<GroupScan.Values> values, long time) {
    PagedGroups.Group group = paged.make(chunks -> values.forEach(part -> part.moveTo(chunks)));
    byte[] reference = group.reference();
    Element element = begin(key.length(), window.length(), PagedGroups.UNCOUNTED, reference.length);
    output.keepOpen(group);
    System.arraycopy(window.bytes(), 0, output.array(), element.window, window.length());
    System.arraycopy(key.bytes(), 0, output.array(), element.key, key.length());
    System.arraycopy(reference, 0, output.array(), element.values, reference.length);
    commit(element, time);
  }

  /**
   * Makes room for an element in the output and writes what does not depend on key and window.
   *
   * @param count the number that is put before the values
   */
  private Element begin(int keyLength, int windowLength, long count, long bytes) {
    long size = FIXED_BYTES + (long) keyLength + windowLength + bytes;
    if (count > Integer.MAX_VALUE || size > Integer.MAX_VALUE - Long.BYTES) {
      throw GroupTooLargeException.of(count, bytes);
    }
    output.reserveElement((int) size);
    int start = output.position();
    byte[] data = output.array();
    int window = start + Timestamps.LENGTH + Integer.BYTES;
    int pane = window + windowLength;
    int key = pane + 1;
    int values = key + keyLength + Integer.BYTES;
    putInt(data, start + Timestamps.LENGTH, 1);
    data[pane] = Panes.ON_TIME_AND_ONLY;
    putInt(data, key + keyLength, (int) count);
    return new Element(start, window, key, values, start + (int) size);
  }

  private static void putInt(byte[] target, int at, int value) {
    target[at] = (byte) (value >>> 24);
    target[at + 1] = (byte) (value >>> 16);
    target[at + 2] = (byte) (value >>> 8);
    target[at + 3] = (byte) value;
  }

  private void commit(Element element, long time) {
    long timestamp =
        grouping.outputTime() == OutputTime.END_OF_WINDOW
            ? grouping
                .input()
                .window()
                .maxTimestamp(output.array(), element.window, element.key - 1)
            : time;
    Timestamps.encode(output.array(), element.start, timestamp);
    output.commitElement(element.end, element.key, element.values - Integer.BYTES);
  }

  /** Where the parts of an element are in the output's array. */
  private record Element(int start, int window, int key, int values, int end) {}

  /** A scan that is at an entry. Runs of earlier values come first. */
  private record Source(GroupScan scan, int number) implements Comparable<Source> {
    @Override
    public int compareTo(Source other) {
      int order = GroupScan.compare(scan, other.scan);
      return order == 0 ? Integer.compare(number, other.number) : order;
    }
  }

  /** The values of a key in a window. */
  private record Group(ByteKey key, ByteKey window, List<GroupScan.Values> values) {
    Group(ByteKey key, ByteKey window) {
      this(key, window, new ArrayList<>(1));
    }

    boolean isOf(GroupScan scan) {
      return scan.key().equals(key) && scan.window().equals(window);
    }
  }

  /** The groups of a key before its windows are merged. */
  private record KeyWindows(ByteKey key, List<Group> groups) {}
}
