package org.trestle.engine.state;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;

/**
 * The user state of a stage, by transform, state, window and key. Safe for use by several threads.
 *
 * <p>Bundles see it through leases: what a bundle changes is private to its lease until the commit.
 * Leases open at the same time must have different keys, as the core's leases of key groups see to.
 */
public final class UserState implements AutoCloseable {

  public UserState(StateFormats formats, MemoryBudget budget, int pageBytes) {}

  /** Opens the state for a bundle. */
  public Lease open() {
    return new Lease();
  }

  /** Removes all state of a window, of every key. */
  public void remove(ByteKey window) {}

  /** Removes all state of a key in a window. */
  public void remove(ByteKey window, ByteKey key) {}

  /** Frees all. Idempotent. */
  @Override
  public void close() {}

  /** A bundle's view of the state: committed state under the bundle's own changes. */
  public static final class Lease {

    private boolean ended;

    private Lease() {}

    /**
     * Answers a get, append or clear of one of the five user state kinds.
     *
     * @return a response without id
     * @throws StateRequestException if the request is of another kind, or the continuation token is
     *     not ours, or the lease has ended
     */
    public StateResponse.Builder handle(StateRequest request) {
      if (ended) {
        throw new StateRequestException("state request after the end of the bundle");
      }
      return StateResponse.newBuilder();
    }

    /** Makes the changes visible, together; ends the lease. */
    public void commit() {}

    /** Drops the changes; ends the lease. Idempotent, also after the commit. */
    public void discard() {
      ended = true;
    }
  }
}
