package org.trestle.engine.state;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.BlockIndex;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.fn.wire.ByteSink;

/**
 * A side input: the elements of an edge, by window and, where they have keys, by key. First it is
 * filled, then completed, then read. Safe for use by several threads.
 *
 * <p>The first read makes an index of it. A window or key without elements has an empty answer.
 */
public final class SideInputTable implements AutoCloseable {
  /** The size that pages of an answer aim at. */
  public static final int DEFAULT_PAGE_BYTES = 1 << 20;

  /** A key with more values is not given out whole: SDKs then ask for its values alone. */
  private static final long MAX_WHOLE_GROUP_BYTES = 64L << 20;

  private final EdgeFormat format;
  private final BlockStore store;
  private final int pageBytes;

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
   * @param store where the blocks are released on close
   */
  public SideInputTable(EdgeFormat format, BlockStore store, int pageBytes) {
    this.format = format;
    this.store = store;
    this.pageBytes = pageBytes;
  }

  /** Adds elements; the table releases the block when it is closed. */
  public synchronized void add(ElementBlock block) {
    if (complete || closed) {
      throw new IllegalStateException("elements for a side input that is complete");
    }
    blocks.add(block);
  }

  /** Says that nothing will be added any more. Idempotent. */
  public synchronized void complete() {
    complete = true;
  }

  /**
   * Answers a get of one of the four side input kinds; which transform and side input it names was
   * looked at by the caller.
   *
   * @return a response without id
   * @throws StateRequestException if it is no such get, or the continuation token is not ours
   * @throws org.trestle.fn.wire.WireFormatException if the elements of the side input are malformed
   */
  public StateResponse.Builder handle(StateRequest request) {
    StateKey key = request.getStateKey();
    if (!request.hasGet()) {
      throw new StateRequestException(
          "side inputs can only be read, not " + request.getRequestCase());
    }
    ByteString token = request.getGet().getContinuationToken();
    return switch (key.getTypeCase()) {
      case ITERABLE_SIDE_INPUT -> {
        if (format.key() != null) {
          throw new StateRequestException("side input is a multimap, it can only be read by key");
        }
        yield values(key.getIterableSideInput().getWindow(), ByteString.EMPTY, token);
      }
      case MULTIMAP_SIDE_INPUT -> {
        checkKeyed();
        yield values(
            key.getMultimapSideInput().getWindow(), key.getMultimapSideInput().getKey(), token);
      }
      case MULTIMAP_KEYS_SIDE_INPUT -> {
        checkKeyed();
        yield groups(key.getMultimapKeysSideInput().getWindow(), token, false);
      }
      case MULTIMAP_KEYS_VALUES_SIDE_INPUT -> {
        checkKeyed();
        yield groups(key.getMultimapKeysValuesSideInput().getWindow(), token, true);
      }
      case RUNNER,
          BAG_USER_STATE,
          MULTIMAP_KEYS_USER_STATE,
          MULTIMAP_ENTRIES_USER_STATE,
          MULTIMAP_USER_STATE,
          ORDERED_LIST_USER_STATE,
          TYPE_NOT_SET ->
          throw new StateRequestException("not a side input: state key " + key.getTypeCase());
    };
  }

  private void checkKeyed() {
    if (format.key() == null) {
      throw new StateRequestException("side input is an iterable, it cannot be read by key");
    }
  }

  private StateResponse.Builder values(ByteString window, ByteString key, ByteString token) {
    int check = check(window, key, 1);
    int from = PageToken.parse(token, check).position();
    BlockIndex values = index();
    int entry = values.entry(bytesOf(window), bytesOf(key));
    int count = entry < 0 ? 0 : values.count(entry);
    checkPosition(from, count, token);
    int to = from;
    long size = 0;
    while (to < count && (to == from || size + values.length(entry, to) <= pageBytes)) {
      size += values.length(entry, to++);
    }
    byte[] page = new byte[Math.toIntExact(size)];
    if (to > from) {
      values.copyValues(entry, from, to, page, 0);
    }
    return page(page, to < count ? to : 0, check);
  }

  /** Keys of a window, or keys with their values as {@code KV<K, Iterable<V>>}. */
  private StateResponse.Builder groups(ByteString window, ByteString token, boolean withValues) {
    int check = check(window, ByteString.EMPTY, withValues ? 2 : 3);
    int from = PageToken.parse(token, check).position();
    BlockIndex values = index();
    int[] entries = values.entries(bytesOf(window));
    checkPosition(from, entries.length, token);
    ByteSink sink = new ByteSink();
    int next = from;
    for (; next < entries.length; next++) {
      int entry = entries[next];
      int keyLength = values.keyLength(entry);
      long size = keyLength + (withValues ? Integer.BYTES + values.bytes(entry) : 0);
      if (next > from && sink.length() + size > pageBytes) {
        break;
      }
      if (size > MAX_WHOLE_GROUP_BYTES) {
        throw new StateRequestException(
            "a key of the side input has " + size + " bytes of values; read it by itself");
      }
      byte[] group = new byte[(int) size];
      values.copyKey(entry, group, 0);
      if (withValues) {
        int count = values.count(entry);
        ByteSink number = new ByteSink(Integer.BYTES).putInt(count);
        System.arraycopy(number.array(), 0, group, keyLength, Integer.BYTES);
        values.copyValues(entry, 0, count, group, keyLength + Integer.BYTES);
      }
      sink.put(group);
    }
    return page(sink.toByteArray(), next < entries.length ? next : 0, check);
  }

  private static void checkPosition(int from, int count, ByteString token) {
    if (from > 0 && from >= count) {
      throw PageToken.malformed(token);
    }
  }

  private static StateResponse.Builder page(byte[] data, int next, int check) {
    StateGetResponse.Builder get =
        StateGetResponse.newBuilder().setData(UnsafeByteOperations.unsafeWrap(data));
    if (next > 0) {
      get.setContinuationToken(new PageToken(ByteKey.empty(), next).encode(check));
    }
    return StateResponse.newBuilder().setGet(get);
  }

  private static ByteKey bytesOf(ByteString bytes) {
    return ByteKey.wrap(bytes.toByteArray());
  }

  private static int check(ByteString window, ByteString key, int kind) {
    return (window.hashCode() * 31 + key.hashCode()) * 31 + kind;
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
          made = BlockIndex.of(format, blocks, store);
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
