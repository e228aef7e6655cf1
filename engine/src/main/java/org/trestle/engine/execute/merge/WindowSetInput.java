package org.trestle.engine.execute.merge;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.GlobalWindow;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WindowedValueWriter;

/**
 * Encodes sets of windows as the input of a merging bundle, some at a time. The nonce of a set is
 * its index.
 */
final class WindowSetInput implements Iterator<BundleRequest.Input> {
  private static final int CHUNK = 64 * 1024;
  private static final byte[] GLOBAL_WINDOW = new byte[0];

  private final List<List<ByteKey>> windowSets;
  private final ByteSink sink = new ByteSink();
  private final WindowedValueWriter writer = new WindowedValueWriter(sink);
  private int next;

  WindowSetInput(List<List<ByteKey>> windowSets) {
    this.windowSets = windowSets;
  }

  @Override
  public boolean hasNext() {
    return next < windowSets.size();
  }

  @Override
  public BundleRequest.Input next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    while (hasNext() && sink.length() < CHUNK) {
      write(next, windowSets.get(next));
      next++;
    }
    return new BundleRequest.Elements(WindowProgram.SOURCE, sink.drain());
  }

  private void write(int index, List<ByteKey> windows) {
    writer.header(GlobalWindow.MAX_TIMESTAMP, GLOBAL_WINDOW, Panes.NO_FIRING);
    sink.putVarInt(VarInts.length(index)).putVarInt(index).putInt(windows.size());
    for (ByteKey window : windows) {
      sink.put(window.bytes());
    }
  }
}
