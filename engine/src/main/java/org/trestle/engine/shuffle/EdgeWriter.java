package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireFormatException;

/**
 * Takes what a running bundle writes to an edge, until it is committed or dropped. For one thread
 * at a time; ends with one call of {@link #finish} or {@link #discard}.
 *
 * <p>Bytes are copied once into an array that becomes a segment of the store when it is full. With
 * keyed readers, or if blocks are cut by window, the elements of a full array are first brought
 * into the order of these parts, those of a large piece from where they are; readers without keys
 * get the same blocks as those with keys.
 */
public final class EdgeWriter {
  /** No block is larger, unless it is a single element. */
  static final int BLOCK_BYTES = 1 << 20;

  /**
   * Arrays of this size are full: larger with keys, so that the parts are not too small, smaller
   * where memory is, as each running bundle has some of them, and smallest as long as the store's
   * memory is exceeded.
   */
  private static final int PLAIN_SEGMENT_BYTES = 1 << 20;

  private static final int KEYED_SEGMENT_BYTES = 4 << 20;
  private static final int MIN_SEGMENT_BYTES = 256 << 10;
  private static final int SEGMENT_SHARE = 64;
  private static final int MIN_CAPACITY = 4 << 10;
  private static final int MAX_CAPACITY = Integer.MAX_VALUE - 8;
  private static final byte[] NO_BYTES = {};

  private final EdgeTarget target;
  private final BlockStore store;
  private final WindowedValueCursor cursor;
  private final int segmentBytes;
  private final @Nullable WindowParts windowParts;
  private final List<ElementBlock> blocks = new ArrayList<>();
  private final List<KeyGroupBlock> keyed = new ArrayList<>();
  private final List<Segment> segments = new ArrayList<>();

  /** What elements that are not in a segment yet refer to. */
  private List<PagedGroups.Group> referred = new ArrayList<>();

  private byte[] data = NO_BYTES;

  /** Where elements are brought into order, if the store did not keep the last such array. */
  private byte[] spare = NO_BYTES;

  /** What the store counts for both arrays. */
  private long charged;

  /** Where the elements in the array start, and where the next is to start. */
  private int first;

  private int length;
  private int[] ends = new int[16];

  /** Of each element, its key group or, if blocks are cut by window, its window part. */
  private int[] parts;

  private int count;
  private long elements;
  private long bytes;
  private long expected;
  private boolean ended;

  /** A writer to an edge whose blocks are held by a store. */
  public EdgeWriter(EdgeTarget target, BlockStore store) {
    this.target = target;
    this.store = store;
    this.cursor = target.format().cursor();
    int largest = target.keyed() ? KEYED_SEGMENT_BYTES : PLAIN_SEGMENT_BYTES;
    this.segmentBytes =
        (int) Math.min(largest, Math.max(MIN_SEGMENT_BYTES, store.memory() / SEGMENT_SHARE));
    this.windowParts = target.byWindow() ? new WindowParts() : null;
    this.parts = new int[target.keyed() || target.byWindow() ? 16 : 0];
  }

  /** Whether elements are brought into the order of their parts. */
  private boolean ordered() {
    return parts.length > 0;
  }

  /**
   * Adds windowed values.
   *
   * @param windowedValues whole elements, one after the other
   * @throws WireFormatException if they are malformed, naming the edge
   */
  public void append(ByteString windowedValues) {
    checkOpen();
    int size = windowedValues.size();
    if (size == 0) {
      return;
    }
    ContiguousBytes whole =
        ordered() && count == 0 && size >= fullLength() ? ContiguousBytes.of(windowedValues) : null;
    if (whole != null) {
      putInOrder(whole, size);
      return;
    }
    ensureRoom(size);
    windowedValues.copyTo(data, length);
    addAll(size);
    if (length >= MIN_SEGMENT_BYTES && length >= fullLength()) {
      flush();
    }
  }

  /** Makes a segment of elements whose bytes are then in no other place of the writer. */
  private void putInOrder(ContiguousBytes elements, int size) {
    byte[] own = data;
    data = elements.array();
    first = elements.start();
    length = first;
    try {
      addAll(size);
      makeSegment();
    } finally {
      data = own;
      first = 0;
      length = 0;
      count = 0;
    }
    chargeArrays();
  }

  /** Adds the next elements in the array. */
  private void addAll(int size) {
    try {
      cursor.reset(data, length, length + size);
      while (cursor.next()) {
        add(cursor.elementEnd(), cursor.keyStart(), cursor.keyEnd());
      }
    } catch (WireFormatException e) {
      throw new WireFormatException(
          "malformed element written to edge " + target.edge() + ": " + e.getMessage());
    }
  }

  private int fullLength() {
    return store.exceeded() ? MIN_SEGMENT_BYTES : segmentBytes;
  }

  /**
   * Makes room for one element, to be written into {@link #array()} from {@link #position()} on and
   * then to be {@linkplain #commitElement committed}.
   */
  void reserveElement(int size) {
    checkOpen();
    long wanted = (long) length + size;
    if (length > 0 && wanted > MIN_SEGMENT_BYTES && wanted > fullLength()) {
      flush();
    }
    ensureRoom(size);
  }

  /**
   * Says that about so many bytes will be written from here on, so that arrays have the right size
   * at once.
   */
  public void expect(long more) {
    expected = bytes + more;
  }

  /** Where large groups go whose elements are written here; null if elements must be whole. */
  @Nullable PagedGroups pagedGroups() {
    return target.paged() ? store.groups() : null;
  }

  /** Makes the group live as long as the element that room was reserved for, which refers to it. */
  void keepOpen(PagedGroups.Group group) {
    referred.add(group);
  }

  byte[] array() {
    return data;
  }

  int position() {
    return length;
  }

  /** Adds the element that ends here; its key is in the same array. */
  void commitElement(int end, int keyStart, int keyEnd) {
    if (windowParts != null) {
      cursor.reset(data, length, end);
      if (!cursor.next() || cursor.elementEnd() != end) {
        throw new WireFormatException("not an element of edge " + target.edge());
      }
    }
    add(end, keyStart, keyEnd);
  }

  private void add(int end, int keyStart, int keyEnd) {
    if (count == ends.length) {
      ends = Arrays.copyOf(ends, 2 * count);
      if (ordered()) {
        parts = Arrays.copyOf(parts, 2 * count);
      }
    }
    if (ordered()) {
      int group = target.keyed() ? KeyGroups.of(data, keyStart, keyEnd, target.keyGroups()) : -1;
      parts[count] = windowParts == null ? group : windowParts.number(cursor, group);
    }
    ends[count++] = end;
    elements++;
    bytes += end - length;
    length = end;
  }

  private void ensureRoom(int size) {
    long wanted = (long) length + size;
    if (wanted <= data.length) {
      return;
    }
    if (wanted > MAX_CAPACITY) {
      throw new IllegalStateException(
          "edge " + target.edge() + ": an element of " + size + " bytes is too large");
    }
    // The first piece is often the only one: then its size is just right.
    long roomy = length == 0 ? wanted : Math.max(wanted, Math.min(2L * data.length, segmentBytes));
    long likely = Math.min(length + expected - bytes, fullLength());
    data = Arrays.copyOf(data, (int) Math.max(Math.max(roomy, likely), MIN_CAPACITY));
    chargeArrays();
  }

  /** Brings what the store counts for the arrays up to date. */
  private void chargeArrays() {
    long now = (long) data.length + spare.length;
    if (now > charged) {
      store.charge(now - charged);
    } else if (now < charged) {
      store.uncharge(charged - now);
    }
    charged = now;
  }

  private void dropArrays() {
    data = NO_BYTES;
    spare = NO_BYTES;
    chargeArrays();
  }

  private void flush() {
    if (count == 0) {
      return;
    }
    makeSegment();
    length = 0;
    count = 0;
    if (data.length > MIN_SEGMENT_BYTES && store.exceeded()) {
      dropArrays();
    } else {
      chargeArrays();
    }
  }

  /** Makes a segment of the elements in the array. */
  private void makeSegment() {
    if (target.readers() + target.keyedReaders() > 0) {
      if (windowParts != null) {
        flushParts(windowParts.count());
      } else if (target.keyed()) {
        flushParts(target.keyGroups());
      } else {
        flushInOrder();
      }
    }
    // Nobody reads what was not taken over by a segment.
    closeReferred();
    if (windowParts != null) {
      windowParts.clear();
    }
  }

  private Segment segment(byte[] bytes, int[] elementEnds, int readers) {
    Segment segment = store.add(bytes, elementEnds, readers);
    segments.add(segment);
    segment.keepOpen(referred);
    referred = new ArrayList<>();
    return segment;
  }

  private void closeReferred() {
    referred.forEach(PagedGroups.Group::close);
    referred.clear();
  }

  private void flushInOrder() {
    byte[] full = length >= data.length - data.length / 8 ? data : Arrays.copyOf(data, length);
    Segment segment = segment(full, Arrays.copyOf(ends, count), target.readers());
    cut(full, ends, 0, count, segment, -1, List.of());
    if (full == data) {
      data = NO_BYTES;
    }
  }

  /** A counting sort of the elements by part. */
  private void flushParts(int partCount) {
    int[] firsts = new int[partCount + 1];
    int[] offsets = new int[partCount];
    int start = first;
    for (int i = 0; i < count; i++) {
      firsts[parts[i] + 1]++;
      offsets[parts[i]] += ends[i] - start;
      start = ends[i];
    }
    int offset = 0;
    for (int part = 0; part < offsets.length; part++) {
      int partSize = offsets[part];
      offsets[part] = offset;
      offset += partSize;
      firsts[part + 1] += firsts[part];
    }
    int size = length - first;
    byte[] sorted = isRightFor(size, spare) ? spare : new byte[size];
    spare = NO_BYTES;
    int[] sortedEnds = new int[count];
    int[] next = Arrays.copyOf(firsts, offsets.length);
    start = first;
    for (int i = 0; i < count; i++) {
      int part = parts[i];
      int elementSize = ends[i] - start;
      System.arraycopy(data, start, sorted, offsets[part], elementSize);
      offsets[part] += elementSize;
      sortedEnds[next[part]++] = offsets[part];
      start = ends[i];
    }
    Segment segment = segment(sorted, sortedEnds, target.readers() + target.keyedReaders());
    for (int part = 0; part < offsets.length; part++) {
      if (firsts[part] < firsts[part + 1]) {
        int group = windowParts == null ? part : windowParts.keyGroup(part);
        List<ByteKey> windows = windowParts == null ? List.of() : windowParts.windows(part);
        cut(sorted, sortedEnds, firsts[part], firsts[part + 1], segment, group, windows);
      }
    }
    if (!segment.isInMemory()) {
      spare = sorted;
    }
  }

  /** Whether an array is long enough, and not much longer than it has to be. */
  private static boolean isRightFor(int size, byte[] array) {
    return size <= array.length && size > array.length - array.length / 4;
  }

  /** Makes blocks of some elements. */
  private void cut(
      byte[] source,
      int[] sourceEnds,
      int from,
      int to,
      Segment segment,
      int group,
      List<ByteKey> windows) {
    int first = from;
    int blockStart = from == 0 ? 0 : sourceEnds[from - 1];
    int start = blockStart;
    long min = Long.MAX_VALUE;
    for (int i = from; i < to; i++) {
      int end = sourceEnds[i];
      if (i > first && end - blockStart > BLOCK_BYTES) {
        emit(new EncodedBlock(segment, first, i, min, group, windows), group);
        first = i;
        blockStart = start;
        min = Long.MAX_VALUE;
      }
      min = Math.min(min, Timestamps.decode(source, start, end));
      start = end;
    }
    emit(new EncodedBlock(segment, first, to, min, group, windows), group);
  }

  private void emit(EncodedBlock block, int group) {
    if (target.keyed()) {
      keyed.add(new KeyGroupBlock(group, block));
    }
    if (target.readers() > 0) {
      blocks.add(block);
    }
  }

  /** How many elements were written so far. */
  public long elements() {
    return elements;
  }

  /** How many bytes were written so far. */
  public long bytes() {
    return bytes;
  }

  /**
   * Returns all that was written.
   *
   * @throws SpillException if the disk fails
   */
  public EdgeOutput finish() {
    checkOpen();
    flush();
    ended = true;
    dropArrays();
    return new EdgeOutput(target.edge(), blocks, keyed);
  }

  private void checkOpen() {
    if (ended) {
      throw new IllegalStateException("writer to edge " + target.edge() + " has ended");
    }
  }

  /** Drops all that was written, also what {@link #finish} returned. Idempotent. */
  public void discard() {
    ended = true;
    dropArrays();
    closeReferred();
    for (Segment segment : segments) {
      segment.drop();
    }
    segments.clear();
  }
}
