package org.trestle.engine.shuffle;

import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowedValueWriter;

/**
 * Writes panes of groups as elements: {@code KV<K, Iterable<V>>} in one window. Where the readers
 * can page through values, a large pane is an element that has none but the number of a {@linkplain
 * PagedGroups paged group}. For one thread.
 */
public final class PaneEmitter {
  private final EdgeWriter output;
  private final ByteSink header = new ByteSink();
  private final WindowedValueWriter headerWriter = new WindowedValueWriter(header);

  public PaneEmitter(EdgeWriter output) {
    this.output = output;
  }

  /**
   * Writes a pane.
   *
   * @throws GroupTooLargeException if it does not fit into one element
   * @throws SpillException if the disk fails
   */
  public void emit(
      ByteKey key, ByteKey window, long timestamp, Panes.Pane pane, ValueBuffer values) {
    header.clear();
    headerWriter.header(timestamp, window.bytes(), pane);
    int keyStart = header.length();
    header.put(key.bytes());
    int keyEnd = header.length();
    PagedGroups paged = output.pagedGroups();
    if (paged != null && values.bytes() > PagedGroups.MAX_INLINE_BYTES) {
      emitPaged(paged.make(values::copyTo), keyStart, keyEnd);
      return;
    }
    long size = keyEnd + Integer.BYTES + values.bytes();
    if (values.count() > Integer.MAX_VALUE || size > Integer.MAX_VALUE - Long.BYTES) {
      throw GroupTooLargeException.of(values.count(), values.bytes());
    }
    header.putInt((int) values.count());
    output.reserveElement((int) size);
    int start = output.position();
    System.arraycopy(header.array(), 0, output.array(), start, header.length());
    values.copyTo(output.array(), start + header.length());
    output.commitElement(start + (int) size, start + keyStart, start + keyEnd);
  }

  private void emitPaged(PagedGroups.Group group, int keyStart, int keyEnd) {
    header.putInt(PagedGroups.UNCOUNTED).put(group.reference());
    output.reserveElement(header.length());
    output.keepOpen(group);
    int start = output.position();
    System.arraycopy(header.array(), 0, output.array(), start, header.length());
    output.commitElement(start + header.length(), start + keyStart, start + keyEnd);
  }
}
