package org.trestle.engine.state;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.BlockIndex;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;

/**
 * A side input: the elements of an edge, by window and, where they have keys, by key. First it is
 * filled, then completed, then read, so that all bundles see the same. Safe for use by several
 * threads.
 *
 * <p>The first read makes an index of it. A window or key without elements has an empty answer.
 */
public final class SideInputTable implements SideInputStore {
  /** The size that pages of an answer aim at. */
  public static final int DEFAULT_PAGE_BYTES = 1 << 20;

  private final EdgeFormat format;
  private final boolean firingsReplace;
  private final BlockStore store;
  private final SideInputPages pages;

  @GuardedBy("this")
  private final List<ElementBlock> blocks = new ArrayList<>();

  @GuardedBy("this")
  private boolean complete;

  @GuardedBy("this")
  private boolean closed;

  private volatile @Nullable BlockIndex index;

  /**
   * An empty table.
   *
   * @param format with a key coder if the side input is a multimap
   * @param firingsReplace whether elements that came out of a trigger replace those of the firings
   *     before of their window, and of their key if the side input is a multimap
   * @param store where the blocks are released on close
   */
  public SideInputTable(
      EdgeFormat format, boolean firingsReplace, BlockStore store, int pageBytes) {
    this.format = format;
    this.firingsReplace = firingsReplace;
    this.store = store;
    this.pages = new SideInputPages(format, pageBytes);
  }

  /** Adds elements; the table releases the block when it is closed. */
  @Override
  public synchronized void add(ElementBlock block) {
    if (complete || closed) {
      throw new IllegalStateException("elements for a side input that is complete");
    }
    blocks.add(block);
  }

  @Override
  public synchronized void complete() {
    complete = true;
  }

  @Override
  public Version open() {
    return new Version() {
      @Override
      public long number() {
        return 0;
      }

      @Override
      public boolean answersSoon(StateRequest request) {
        return index != null && SideInputPages.pagedWindow(request.getStateKey()) != null;
      }

      @Override
      public StateResponse.Builder handle(StateRequest request) {
        return SideInputTable.this.handle(request);
      }

      @Override
      public void close() {}
    };
  }

  StateResponse.Builder handle(StateRequest request) {
    return pages.handle(request, window -> index());
  }

  private BlockIndex index() {
    BlockIndex made = index;
    if (made == null) {
      synchronized (this) {
        made = index;
        if (made == null) {
          if (closed || !complete) {
            throw new StateRequestException(
                closed
                    ? "side input read after the end of its job"
                    : "side input not complete yet");
          }
          made =
              firingsReplace
                  ? BlockIndex.ofNewestFirings(format, blocks, store)
                  : BlockIndex.of(format, blocks, store);
          index = made;
        }
      }
    }
    return made;
  }

  /** Frees all. Idempotent. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    BlockIndex made = index;
    index = null;
    if (made != null) {
      made.close();
    }
    store.release(blocks);
    blocks.clear();
  }
}
