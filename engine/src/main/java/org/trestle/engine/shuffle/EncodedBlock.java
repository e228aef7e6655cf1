package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * Encoded windowed values, one after the other. Immutable; safe for use by several threads.
 *
 * <p>The bytes may be on disk: then each use reads them again. The size of a slice is then an
 * estimate.
 */
public final class EncodedBlock implements ElementBlock {
  private final Segment segment;
  private final int from;
  private final int to;
  private final long minTimestamp;
  private final int keyGroup;
  private final List<ByteKey> windows;

  EncodedBlock(
      Segment segment, int from, int to, long minTimestamp, int keyGroup, List<ByteKey> windows) {
    if (from < 0 || to <= from || to > segment.count()) {
      throw new IndexOutOfBoundsException(
          "elements " + from + " to " + to + " of " + segment.count());
    }
    this.segment = segment;
    this.from = from;
    this.to = to;
    this.minTimestamp = minTimestamp;
    this.keyGroup = keyGroup;
    this.windows = windows;
  }

  @Override
  public int count() {
    return to - from;
  }

  @Override
  public long bytes() {
    return (long) segment.offset(to) - segment.offset(from);
  }

  @Override
  public long minTimestamp() {
    return minTimestamp;
  }

  /** The key group of all its elements; -1 if it was written to an edge without keyed readers. */
  public int keyGroup() {
    return keyGroup;
  }

  /**
   * The windows that each of its elements is in; empty if it was written to an edge whose blocks
   * are not cut by window.
   */
  public List<ByteKey> windows() {
    return windows;
  }

  @Override
  public EncodedBlock slice(int first, int limit) {
    if (first == 0 && limit == count()) {
      return this;
    }
    if (first < 0 || limit > count()) {
      throw new IndexOutOfBoundsException("elements " + first + " to " + limit + " of " + count());
    }
    return new EncodedBlock(segment, from + first, from + limit, minTimestamp, keyGroup, windows);
  }

  /** All elements' bytes, without a copy if they are in memory. */
  public ByteString data() {
    Segment.View view = view();
    return UnsafeByteOperations.unsafeWrap(view.bytes(), view.start(), view.limit() - view.start());
  }

  /**
   * The elements' bytes in pieces, each of whole elements.
   *
   * @param maxBytes no piece is larger, unless a single element is
   */
  public Iterator<ByteString> chunks(int maxBytes) {
    Segment.View view = view();
    return new Iterator<>() {
      private int element;
      private int position = view.start();

      @Override
      public boolean hasNext() {
        return element < view.count();
      }

      @Override
      public ByteString next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        element += view.fitting(element, position, maxBytes);
        int start = position;
        position = view.end(element - 1);
        return UnsafeByteOperations.unsafeWrap(view.bytes(), start, position - start);
      }
    };
  }

  /** A cursor before the first element. */
  public WindowedValueCursor read(EdgeFormat format) {
    Segment.View view = view();
    return format.cursor().reset(view.bytes(), view.start(), view.limit());
  }

  Segment segment() {
    return segment;
  }

  Segment.View view() {
    return segment.view(from, to);
  }

  void release() {
    segment.release(count());
  }

  boolean isInMemory() {
    return segment.isInMemory();
  }
}
