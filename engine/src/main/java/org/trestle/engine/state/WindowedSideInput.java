package org.trestle.engine.state;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.shuffle.BlockIndex;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EncodedBlock;

/**
 * A side input that comes window by window, and changes while it is read. Safe for use by several
 * threads.
 *
 * <p>Its blocks hold elements of the same windows each. A window is freed when no reader can need
 * it any more.
 */
public final class WindowedSideInput implements SideInputStore {
  /*
   * Each change has a number. What a window holds is valid from one change to another; a bundle sees
   * what was valid at the last change before it started. Contents that are no longer valid stay as
   * long as a bundle runs that sees them.
   *
   * As long as a window cannot be read, elements are added to its contents in place. From then on,
   * contents do not change but are replaced, and the version that harnesses cache under with them.
   */

  /** What a new block of a window does to what the window holds. */
  public enum Update {
    /** Adds its elements. */
    APPEND,

    /**
     * Replaces all: each element is the window's content, an iterable of values behind an empty
     * key. The one with the highest pane index counts.
     */
    REPLACE
  }

  private final EdgeFormat format;
  private final Update update;
  private final BlockStore store;
  private final SideInputPages pages;

  @GuardedBy("this")
  private final Map<ByteKey, Window> windows = new HashMap<>();

  /** Windows that hold something, by their maximum timestamps. */
  @GuardedBy("this")
  private final TreeMap<Long, Set<ByteKey>> byEnd = new TreeMap<>();

  /** The change that each open version was opened at, and how many there are of it. */
  @GuardedBy("this")
  private final TreeMap<Long, Integer> open = new TreeMap<>();

  @GuardedBy("this")
  private final Set<Window> withOldContents = new HashSet<>();

  @GuardedBy("this")
  private long[] readers = new long[0];

  /** Windows that end before are needed no more. */
  @GuardedBy("this")
  private long horizon = EventTime.MIN;

  @GuardedBy("this")
  private long change;

  @GuardedBy("this")
  private long version;

  @GuardedBy("this")
  private boolean closed;

  /**
   * An empty side input.
   *
   * @param format of the values, with a key coder if the side input is a multimap
   * @param store where blocks are released
   */
  public WindowedSideInput(EdgeFormat format, Update update, BlockStore store, int pageBytes) {
    this.format = format;
    this.update = update;
    this.store = store;
    this.pages = new SideInputPages(format, pageBytes);
  }

  // ---- contents ----

  @Override
  public synchronized void add(ElementBlock added) {
    if (closed) {
      throw new IllegalStateException("elements for a side input that is closed");
    }
    EncodedBlock block = (EncodedBlock) added;
    if (block.windows().isEmpty()) {
      throw new IllegalArgumentException("elements of a windowed side input, not cut by window");
    }
    change++;
    Held held = new Held(block);
    for (ByteKey name : block.windows()) {
      if (end(name) >= horizon) {
        add(name, held);
      }
    }
    if (held.uses == 0) {
      store.release(block);
    }
  }

  @GuardedBy("this")
  private void add(ByteKey name, Held held) {
    Window window = windows.computeIfAbsent(name, Window::new);
    Contents before = window.current;
    if (before != null && !window.readable && update == Update.APPEND) {
      before.add(held);
      return;
    }
    Contents now = new Contents(change);
    if (before == null) {
      byEnd.computeIfAbsent(end(name), any -> new HashSet<>()).add(name);
    } else if (update == Update.APPEND) {
      before.blocks.forEach(now::add);
    }
    now.add(held);
    window.current = now;
    if (before != null) {
      retire(window, before);
    }
    if (window.readable) {
      version++;
    }
  }

  @Override
  public void complete() {}

  /** Whether anything has come for a window that may still be needed. */
  public synchronized boolean holds(ByteKey name) {
    Window window = windows.get(name);
    return window != null && window.current != null;
  }

  /** Whether the window is needed no more: what it held may be gone. */
  public synchronized boolean isPast(ByteKey name) {
    return end(name) < horizon;
  }

  /** From now on, bundles may read the window. */
  public synchronized void readable(ByteKey name) {
    if (!closed && end(name) >= horizon) {
      markReadable(name);
    }
  }

  @GuardedBy("this")
  private Window markReadable(ByteKey name) {
    Window window = windows.computeIfAbsent(name, Window::new);
    if (!window.readable) {
      window.readable = true;
      byEnd.computeIfAbsent(end(name), any -> new HashSet<>()).add(name);
    }
    return window;
  }

  /** The last moment of a window. */
  public long end(ByteKey window) {
    return format.window().maxTimestamp(window.bytes(), 0, window.length());
  }

  // ---- who reads ----

  /** Adds a stage that reads; before any is told to have advanced. Returns its number. */
  public synchronized int addReader() {
    readers = Arrays.copyOf(readers, readers.length + 1);
    readers[readers.length - 1] = EventTime.MIN;
    return readers.length - 1;
  }

  /** A reader needs no more windows that end before this time. */
  public synchronized void advanced(int reader, long watermark) {
    if (watermark == readers[reader]) {
      return;
    }
    readers[reader] = watermark;
    long slowest = EventTime.MAX;
    for (long each : readers) {
      slowest = Math.min(slowest, each);
    }
    horizon = Math.max(horizon, slowest);
    free();
  }

  @GuardedBy("this")
  private void free() {
    if (byEnd.isEmpty() || byEnd.firstKey() >= horizon) {
      return;
    }
    change++;
    while (!byEnd.isEmpty() && byEnd.firstKey() < horizon) {
      for (ByteKey name : byEnd.pollFirstEntry().getValue()) {
        Window window = windows.get(name);
        if (window != null) {
          Contents last = window.current;
          window.current = null;
          if (last != null) {
            retire(window, last);
          }
          forget(window);
        }
      }
    }
  }

  @GuardedBy("this")
  private void forget(Window window) {
    if (window.current == null && window.old.isEmpty() && end(window.name) < horizon) {
      windows.remove(window.name);
    }
  }

  // ---- versions ----

  @Override
  public synchronized Version open() {
    open.merge(change, 1, Integer::sum);
    return new OpenVersion(change, version);
  }

  /** Takes contents out of use, with the change at hand. */
  @GuardedBy("this")
  private void retire(Window window, Contents contents) {
    contents.until = change;
    if (isSeen(contents)) {
      window.old.add(contents);
      withOldContents.add(window);
    } else {
      drop(contents);
    }
  }

  @GuardedBy("this")
  private boolean isSeen(Contents contents) {
    Long seer = open.ceilingKey(contents.since);
    return seer != null && seer < contents.until;
  }

  @GuardedBy("this")
  private void ended(long openedAt) {
    Integer left = open.computeIfPresent(openedAt, (at, count) -> count == 1 ? null : count - 1);
    if (left != null || withOldContents.isEmpty()) {
      return;
    }
    List<Window> done = new ArrayList<>();
    for (Window window : withOldContents) {
      List<Contents> kept = new ArrayList<>();
      for (Contents contents : window.old) {
        if (isSeen(contents)) {
          kept.add(contents);
        } else {
          drop(contents);
        }
      }
      window.old = kept;
      if (kept.isEmpty()) {
        done.add(window);
        forget(window);
      }
    }
    done.forEach(withOldContents::remove);
  }

  @GuardedBy("this")
  private void drop(Contents contents) {
    contents.close();
    for (Held held : contents.blocks) {
      held.uses--;
      if (held.uses == 0) {
        store.release(held.block);
      }
    }
  }

  /** Whether what a window held then has been read before, or was nothing. */
  private boolean isIndexed(ByteKey name, long at) {
    Contents contents;
    synchronized (this) {
      Window window = windows.get(name);
      contents = window == null ? null : window.at(at);
    }
    return contents == null || contents.index != null;
  }

  private @Nullable BlockIndex index(ByteKey name, long at) {
    Contents contents = null;
    synchronized (this) {
      if (closed) {
        throw new StateRequestException("side input read after the end of its job");
      }
      if (end(name) >= horizon) {
        // A harness may map windows in another way than the runner thinks.
        markReadable(name);
      }
      Window window = windows.get(name);
      if (window != null) {
        contents = window.at(at);
      }
    }
    return contents == null ? null : contents.index();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (Window window : windows.values()) {
      if (window.current != null) {
        drop(window.current);
      }
      window.old.forEach(this::drop);
    }
    windows.clear();
    byEnd.clear();
    withOldContents.clear();
  }

  private final class OpenVersion implements Version {
    private final long openedAt;
    private final long number;
    private boolean ended;

    OpenVersion(long openedAt, long number) {
      this.openedAt = openedAt;
      this.number = number;
    }

    @Override
    public long number() {
      return number;
    }

    @Override
    public boolean answersSoon(StateRequest request) {
      ByteString window = SideInputPages.pagedWindow(request.getStateKey());
      return window != null && isIndexed(SideInputPages.bytesOf(window), openedAt);
    }

    @Override
    public StateResponse.Builder handle(StateRequest request) {
      return pages.handle(request, window -> index(window, openedAt));
    }

    @Override
    public void close() {
      synchronized (WindowedSideInput.this) {
        if (!ended && !closed) {
          WindowedSideInput.this.ended(openedAt);
        }
        ended = true;
      }
    }
  }

  /** A block, and how many contents it is part of. */
  private static final class Held {
    private final EncodedBlock block;
    private int uses;

    Held(EncodedBlock block) {
      this.block = block;
    }
  }

  private static final class Window {
    private final ByteKey name;
    private @Nullable Contents current;
    private List<Contents> old = new ArrayList<>();
    private boolean readable;

    Window(ByteKey name) {
      this.name = name;
    }

    @Nullable Contents at(long time) {
      if (current != null && current.since <= time) {
        return current;
      }
      for (Contents contents : old) {
        if (contents.since <= time && time < contents.until) {
          return contents;
        }
      }
      return null;
    }
  }

  /** What a window holds from one change to another. */
  private final class Contents {
    private final List<Held> blocks = new ArrayList<>();
    private final long since;
    private long until = Long.MAX_VALUE;

    private volatile @Nullable BlockIndex index;

    Contents(long since) {
      this.since = since;
    }

    void add(Held held) {
      blocks.add(held);
      held.uses++;
    }

    synchronized BlockIndex index() {
      BlockIndex made = index;
      if (made == null) {
        List<EncodedBlock> elements = new ArrayList<>(blocks.size());
        blocks.forEach(held -> elements.add(held.block));
        made =
            update == Update.REPLACE
                ? BlockIndex.ofNewestPane(format, elements, store)
                : BlockIndex.of(format, elements, store);
        index = made;
      }
      return made;
    }

    synchronized void close() {
      BlockIndex made = index;
      if (made != null) {
        made.close();
        index = null;
      }
    }
  }
}
