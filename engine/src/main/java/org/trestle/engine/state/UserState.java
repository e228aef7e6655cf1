package org.trestle.engine.state;

import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;

/**
 * The user state of a stage, by transform, state, window and key. Safe for use by several threads.
 *
 * <p>Bundles see it through leases: what a bundle changes is private to its lease until the commit.
 * Leases open at the same time must have different keys, as the core's leases of key groups see to.
 */
public final class UserState implements AutoCloseable {
  /** The size that pages of an answer aim at. */
  public static final int DEFAULT_PAGE_BYTES = 1 << 20;

  private final StateFormats formats;
  private final StateStorage storage;
  private final MemoryBudget budget;
  private final int pageBytes;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Empty state in memory; it goes to disk when the budget is exceeded. */
  public UserState(StateFormats formats, MemoryBudget budget, SpillFiles files, int pageBytes) {
    this.formats = formats;
    this.storage = new PagingStateStorage(budget, files);
    this.budget = budget;
    this.pageBytes = pageBytes;
  }

  /** Opens the state for a bundle. */
  public Lease open() {
    return new Lease(this);
  }

  /** Removes all state of a window, of every key; none of these is in an open lease. */
  public void remove(ByteKey window) {
    storage.remove(window);
  }

  /** Removes all state of a key in a window; it is in no open lease. */
  public void remove(ByteKey window, ByteKey key) {
    storage.remove(window, key);
  }

  /** Frees all; leases have ended. Idempotent. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      storage.close();
    }
  }

  /**
   * A bundle's view of the state: committed state under the bundle's own changes. Safe for use by
   * several threads; requests are answered one at a time.
   */
  public static final class Lease {
    private final StateOverlay overlay;
    private final StateProtocol protocol;
    private boolean ended;

    private Lease(UserState state) {
      this.overlay = new StateOverlay(state.storage, state.budget);
      this.protocol = new StateProtocol(overlay, state.formats, state.pageBytes);
    }

    /**
     * Answers a get, append or clear of one of the five user state kinds.
     *
     * @return a response without id
     * @throws StateRequestException if the request is of another kind, or the continuation token is
     *     not ours, or the lease has ended
     * @throws org.trestle.fn.wire.WireFormatException if appended values are malformed
     */
    public synchronized StateResponse.Builder handle(StateRequest request) {
      if (ended) {
        throw new StateRequestException("state request after the end of its bundle");
      }
      return protocol.handle(request);
    }

    /** Makes the changes visible, together; ends the lease. */
    public synchronized void commit() {
      if (ended) {
        throw new IllegalStateException("lease of user state has ended");
      }
      ended = true;
      overlay.commit();
    }

    /** Drops the changes; ends the lease. Idempotent, also after the commit. */
    public synchronized void discard() {
      if (!ended) {
        ended = true;
        overlay.discard();
      }
    }
  }
}
