package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;

/**
 * Finds the values of blocks by window and key. The values stay in their blocks, wherever these
 * are. Immutable; safe for use by several threads.
 *
 * <p>Each pair of a window and a key has an entry number; values are numbered within their entry,
 * in the order of the blocks. If the format has no keys, a window has one entry, of an empty key.
 */
public final class BlockIndex implements AutoCloseable {
  private static final int[] NONE = new int[0];

  private final BlockStore store;
  private final List<Segment> segments;
  private final GroupIndex names;
  private final Map<ByteKey, int[]> entriesByWindow;
  private final int[] firsts;
  private final int[] sources;
  private final int[] offsets;
  private final int[] lengths;
  private final long[] bytes;
  private final long memory;

  private BlockIndex(BlockStore store, Builder builder) {
    this.store = store;
    this.segments = List.copyOf(builder.segments);
    this.names = builder.names;
    this.entriesByWindow = builder.entriesByWindow();
    int entries = names.size();
    int values = builder.count;
    this.firsts = new int[entries + 1];
    this.bytes = new long[entries];
    this.sources = new int[values];
    this.offsets = new int[values];
    this.lengths = new int[values];
    for (int i = 0; i < values; i++) {
      if (!builder.isReplaced(i)) {
        firsts[builder.entries[i] + 1]++;
        bytes[builder.entries[i]] += builder.lengths[i];
      }
    }
    for (int i = 0; i < entries; i++) {
      firsts[i + 1] += firsts[i];
    }
    int[] next = Arrays.copyOf(firsts, entries);
    for (int i = 0; i < values; i++) {
      if (builder.isReplaced(i)) {
        continue;
      }
      int place = next[builder.entries[i]]++;
      sources[place] = builder.sources[i];
      offsets[place] = builder.offsets[i];
      lengths[place] = builder.lengths[i];
    }
    this.memory = names.memory() + 12L * values + 16L * entries;
    store.charge(memory);
  }

  /**
   * Reads all blocks once.
   *
   * @param store where the memory of the index counts
   * @throws org.trestle.fn.wire.WireFormatException if an element is malformed
   */
  public static BlockIndex of(
      EdgeFormat format, List<? extends ElementBlock> blocks, BlockStore store) {
    return of(new Builder(format, false), blocks, store);
  }

  /**
   * Reads all blocks once. In each entry, elements that came out of a trigger replace those of the
   * firings before.
   *
   * @param store where the memory of the index counts
   * @throws org.trestle.fn.wire.WireFormatException if an element is malformed
   */
  public static BlockIndex ofNewestFirings(
      EdgeFormat format, List<? extends ElementBlock> blocks, BlockStore store) {
    return of(new Builder(format, true), blocks, store);
  }

  private static BlockIndex of(
      Builder builder, List<? extends ElementBlock> blocks, BlockStore store) {
    for (ElementBlock block : blocks) {
      builder.add((EncodedBlock) block);
    }
    return new BlockIndex(store, builder);
  }

  /**
   * Reads blocks whose elements are each the whole content of their window: behind an empty key, an
   * iterable of values (a count, then the values). Only the element with the highest pane index
   * counts; of several, the last.
   *
   * @param format of the values
   * @param store where the memory of the index counts
   * @throws org.trestle.fn.wire.WireFormatException if an element is malformed
   */
  public static BlockIndex ofNewestPane(
      EdgeFormat format, List<? extends ElementBlock> blocks, BlockStore store) {
    Builder builder = new Builder(format, false);
    EncodedBlock newest = null;
    int position = 0;
    long highest = -1;
    WindowedValueCursor panes = format.panes().cursor();
    for (ElementBlock block : blocks) {
      Segment.View view = ((EncodedBlock) block).view();
      panes.reset(view.bytes(), view.start(), view.limit());
      for (int i = 0; panes.next(); i++) {
        if (panes.paneIndex() >= highest) {
          highest = panes.paneIndex();
          newest = (EncodedBlock) block;
          position = i;
        }
      }
    }
    if (newest != null) {
      builder.addPane(newest.slice(position, position + 1), panes, format);
    }
    return new BlockIndex(store, builder);
  }

  /** The entries of a window, in order of appearance; not to be changed. */
  public int[] entries(ByteKey window) {
    return entriesByWindow.getOrDefault(window, NONE);
  }

  /** The entry of a key in a window, or -1. */
  public int entry(ByteKey window, ByteKey key) {
    return names.find(key.bytes(), window.bytes());
  }

  /** How long the key of an entry is. */
  public int keyLength(int entry) {
    return names.keyLength(entry);
  }

  /** Copies the key of an entry. */
  public void copyKey(int entry, byte[] target, int at) {
    names.copyKey(entry, target, at);
  }

  /** How many values an entry has. */
  public int count(int entry) {
    return firsts[entry + 1] - firsts[entry];
  }

  /** How long all values of an entry are together. */
  public long bytes(int entry) {
    return bytes[entry];
  }

  /** How long a value is. */
  public int length(int entry, int value) {
    return lengths[firsts[entry] + value];
  }

  /**
   * Copies the values {@code from} (inclusive) to {@code to} (exclusive) of an entry, one after the
   * other.
   *
   * @throws SpillException if they are on disk and cannot be read
   */
  public void copyValues(int entry, int from, int to, byte[] target, int at) {
    int position = at;
    int value = firsts[entry] + from;
    int limit = firsts[entry] + to;
    while (value < limit) {
      int last = value;
      long wanted = lengths[value];
      while (last + 1 < limit && sources[last + 1] == sources[value]) {
        last++;
        wanted += lengths[last];
      }
      Segment segment = segments.get(sources[value]);
      int span = offsets[last] + lengths[last] - offsets[value];
      if (last > value && !segment.isInMemory() && span <= 2 * wanted + 4096) {
        // On disk, one large read is cheaper than many small ones.
        byte[] range = new byte[span];
        segment.copy(offsets[value], range, 0, span);
        int start = offsets[value];
        for (; value <= last; value++) {
          System.arraycopy(range, offsets[value] - start, target, position, lengths[value]);
          position += lengths[value];
        }
      } else {
        for (; value <= last; value++) {
          segment.copy(offsets[value], target, position, lengths[value]);
          position += lengths[value];
        }
      }
    }
  }

  /** Gives the memory of the index back; called once. */
  @Override
  public void close() {
    store.uncharge(memory);
  }

  /** Collects values in the order of the blocks. */
  private static final class Builder {
    private final WindowedValueCursor cursor;
    private final List<Segment> segments = new ArrayList<>();
    private final GroupIndex names = new GroupIndex(OutputTime.END_OF_WINDOW, new ChunkPool(0));
    private final Map<ByteKey, Integer> windows = new HashMap<>();
    private final List<List<Integer>> entriesOfWindow = new ArrayList<>();
    private int[] entries = new int[64];
    private int[] sources = new int[64];
    private int[] offsets = new int[64];
    private int[] lengths = new int[64];
    private int count;

    private final boolean firingsReplace;

    /** Of each entry: the latest firing plus 1, and the first value that none has replaced. */
    private long[] newestFirings = new long[0];

    private int[] validFrom = new int[0];

    Builder(EdgeFormat format, boolean firingsReplace) {
      this.cursor = format.cursor();
      this.firingsReplace = firingsReplace;
    }

    boolean isReplaced(int value) {
      return firingsReplace && value < validFrom[entries[value]];
    }

    void add(EncodedBlock block) {
      Segment.View view = block.view();
      int source = segments.size();
      segments.add(block.segment());
      cursor.reset(view.bytes(), view.start(), view.limit());
      while (cursor.next()) {
        for (int window = 0; window < cursor.windowCount(); window++) {
          int entry =
              entry(
                  view.bytes(),
                  cursor.keyStart(),
                  cursor.keyEnd(),
                  cursor.windowStart(window),
                  cursor.windowEnd(window));
          if (!firingsReplace || admitFiring(entry)) {
            add(entry, source, view.offset(cursor.keyEnd()), cursor.valueEnd() - cursor.keyEnd());
          }
        }
      }
    }

    /** Makes room for an element of a firing; false if those of a later firing are there. */
    private boolean admitFiring(int entry) {
      if (entry >= newestFirings.length) {
        int capacity = Math.max(64, 2 * entry);
        newestFirings = Arrays.copyOf(newestFirings, capacity);
        validFrom = Arrays.copyOf(validFrom, capacity);
      }
      if (Panes.timing(cursor.paneHead()) == Panes.Timing.UNKNOWN) {
        return true;
      }
      long firing = cursor.paneIndex() + 1;
      if (newestFirings[entry] > 0 && firing > newestFirings[entry]) {
        validFrom[entry] = count;
      }
      newestFirings[entry] = Math.max(firing, newestFirings[entry]);
      return firing == newestFirings[entry];
    }

    /** Adds the values of a block of one element, which is an iterable. */
    void addPane(EncodedBlock block, WindowedValueCursor panes, EdgeFormat format) {
      Segment.View view = block.view();
      byte[] bytes = view.bytes();
      int source = segments.size();
      segments.add(block.segment());
      panes.reset(bytes, view.start(), view.limit());
      if (!panes.next()) {
        return;
      }
      for (int window = 0; window < panes.windowCount(); window++) {
        int from = panes.windowStart(window);
        int to = panes.windowEnd(window);
        int next = panes.valueStart() + Integer.BYTES;
        int limit = panes.valueEnd();
        for (int left = EdgeFormat.paneSize(bytes, panes.valueStart(), limit); left > 0; left--) {
          WireCoder key = format.key();
          int keyEnd = key == null ? next : key.skip(bytes, next, limit);
          int end = format.value().skip(bytes, keyEnd, limit);
          add(entry(bytes, next, keyEnd, from, to), source, view.offset(keyEnd), end - keyEnd);
          next = end;
        }
      }
    }

    /** The entry of a key and a window, which are ranges of the same array. */
    private int entry(byte[] bytes, int keyStart, int keyEnd, int windowStart, int windowEnd) {
      int known = names.size();
      int entry = names.entry(bytes, keyStart, keyEnd, windowStart, windowEnd);
      if (entry == known) {
        ByteKey name = ByteKey.copyOf(bytes, windowStart, windowEnd);
        int number = windows.computeIfAbsent(name, any -> newWindow());
        entriesOfWindow.get(number).add(entry);
      }
      return entry;
    }

    private int newWindow() {
      entriesOfWindow.add(new ArrayList<>());
      return entriesOfWindow.size() - 1;
    }

    private void add(int entry, int source, int offset, int length) {
      if (count == entries.length) {
        int capacity = count + (count >> 1);
        entries = Arrays.copyOf(entries, capacity);
        sources = Arrays.copyOf(sources, capacity);
        offsets = Arrays.copyOf(offsets, capacity);
        lengths = Arrays.copyOf(lengths, capacity);
      }
      entries[count] = entry;
      sources[count] = source;
      offsets[count] = offset;
      lengths[count] = length;
      count++;
    }

    Map<ByteKey, int[]> entriesByWindow() {
      Map<ByteKey, int[]> result = new HashMap<>();
      windows.forEach(
          (window, number) ->
              result.put(
                  window,
                  entriesOfWindow.get(number).stream().mapToInt(Integer::intValue).toArray()));
      return result;
    }
  }
}
