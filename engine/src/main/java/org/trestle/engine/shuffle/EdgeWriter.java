package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import org.trestle.engine.core.bundle.EdgeOutput;

/**
 * Takes what a running bundle writes to an edge, until it is committed or dropped. For one thread
 * at a time; ends with one call of {@link #finish} or {@link #discard}.
 */
public final class EdgeWriter {
  private final EdgeTarget target;

  /** A writer to an edge whose blocks are held by a store. */
  public EdgeWriter(EdgeTarget target, BlockStore store) {
    this.target = target;
  }

  /**
   * Adds windowed values.
   *
   * @param windowedValues whole elements, one after the other
   * @throws org.trestle.fn.wire.WireFormatException if they are malformed, naming the edge
   */
  public void append(ByteString windowedValues) {
    if (elements() == 0) {
      throw new UnsupportedOperationException("not built yet");
    }
  }

  /** How many elements were written so far. */
  public long elements() {
    return 0;
  }

  /** How many bytes were written so far. */
  public long bytes() {
    return 0;
  }

  /** Returns all that was written. */
  public EdgeOutput finish() {
    return new EdgeOutput(target.edge(), java.util.List.of(), java.util.List.of());
  }

  /** Drops all that was written. Idempotent. */
  public void discard() {}
}
