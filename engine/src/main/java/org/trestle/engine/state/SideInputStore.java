package org.trestle.engine.state;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.trestle.engine.core.port.ElementBlock;

/** The contents of a side input, which bundles of several stages may read. */
public interface SideInputStore extends AutoCloseable {

  /** What one bundle sees: the same from its start to its end. */
  interface Version extends AutoCloseable {

    /** Differs from that of a version with other contents; harnesses may cache under it. */
    long number();

    /**
     * Whether {@link #handle} has in order what it reads, and gives out a page of it at most. Does
     * not throw, and does not wait.
     */
    boolean answersSoon(StateRequest request);

    /**
     * Answers a get of one of the four side input kinds; which transform and side input it names
     * was looked at by the caller.
     *
     * @return a response without id
     * @throws StateRequestException if it is no such get, or the continuation token is not ours
     * @throws org.trestle.fn.wire.WireFormatException if the elements of the side input are
     *     malformed
     */
    StateResponse.Builder handle(StateRequest request);

    /** The bundle has ended. Idempotent. */
    @Override
    void close();
  }

  /** Adds committed elements; the store releases the block when they are not needed any more. */
  void add(ElementBlock block);

  /** Says that nothing will be added any more. Idempotent. */
  void complete();

  /** The contents as they are now, for a bundle that starts. */
  Version open();

  /** Frees all. Idempotent. */
  @Override
  void close();
}
