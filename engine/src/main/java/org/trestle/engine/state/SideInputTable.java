package org.trestle.engine.state;

import java.util.ArrayList;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;

/**
 * A side input: the elements of an edge, by window and, where they have keys, by key. First it is
 * filled, then completed, then read. Safe for use by several threads.
 */
public final class SideInputTable implements AutoCloseable {
  private final List<ElementBlock> blocks = new ArrayList<>();

  /** The size that pages of an answer aim at. */
  public static final int DEFAULT_PAGE_BYTES = 1 << 20;

  /**
   * An empty table.
   *
   * @param format with a key coder if the side input is a multimap
   * @param store where the blocks are released on close
   */
  public SideInputTable(EdgeFormat format, BlockStore store, int pageBytes) {}

  /** Adds elements; the table releases the block when it is closed. */
  public void add(ElementBlock block) {
    blocks.add(block);
  }

  /** Says that nothing will be added any more. Idempotent. */
  public void complete() {}

  /**
   * Answers a get of one of the four side input kinds; which transform and side input it names was
   * looked at by the caller.
   *
   * @return a response without id
   * @throws StateRequestException if it is no such get, or the continuation token is not ours
   * @throws org.trestle.fn.wire.WireFormatException if the elements of the side input are malformed
   */
  public StateResponse.Builder handle(StateRequest request) {
    if (!blocks.isEmpty()) {
      throw new UnsupportedOperationException("not built yet");
    }
    return StateResponse.newBuilder();
  }

  /** Frees all. Idempotent. */
  @Override
  public void close() {}
}
