package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.BlockIndex;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.fn.wire.ByteSink;

/** Answers reads of a side input page by page. Immutable. */
final class SideInputPages {
  /** A key with more values is not given out whole: SDKs then ask for its values alone. */
  private static final long MAX_WHOLE_GROUP_BYTES = 64L << 20;

  /** Where the elements of a window are found; null if it has none. */
  @FunctionalInterface
  interface Contents {
    @Nullable BlockIndex of(ByteKey window);
  }

  private final EdgeFormat format;
  private final int pageBytes;

  SideInputPages(EdgeFormat format, int pageBytes) {
    this.format = format;
    this.pageBytes = pageBytes;
  }

  /** Answers a get as {@link SideInputStore.Version#handle} says. */
  StateResponse.Builder handle(StateRequest request, Contents contents) {
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
        yield values(contents, key.getIterableSideInput().getWindow(), ByteString.EMPTY, token);
      }
      case MULTIMAP_SIDE_INPUT -> {
        checkKeyed();
        yield values(
            contents,
            key.getMultimapSideInput().getWindow(),
            key.getMultimapSideInput().getKey(),
            token);
      }
      case MULTIMAP_KEYS_SIDE_INPUT -> {
        checkKeyed();
        yield groups(contents, key.getMultimapKeysSideInput().getWindow(), token, false);
      }
      case MULTIMAP_KEYS_VALUES_SIDE_INPUT -> {
        checkKeyed();
        yield groups(contents, key.getMultimapKeysValuesSideInput().getWindow(), token, true);
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

  /** The window that a request reads in pages; null if a part that it reads may be larger. */
  static @Nullable ByteString pagedWindow(StateKey key) {
    return switch (key.getTypeCase()) {
      case ITERABLE_SIDE_INPUT -> key.getIterableSideInput().getWindow();
      case MULTIMAP_SIDE_INPUT -> key.getMultimapSideInput().getWindow();
      case MULTIMAP_KEYS_SIDE_INPUT -> key.getMultimapKeysSideInput().getWindow();
      default -> null;
    };
  }

  private void checkKeyed() {
    if (format.key() == null) {
      throw new StateRequestException("side input is an iterable, it cannot be read by key");
    }
  }

  private StateResponse.Builder values(
      Contents contents, ByteString window, ByteString key, ByteString token) {
    int check = check(window, key, 1);
    int from = PageToken.parse(token, check).position();
    BlockIndex values = contents.of(bytesOf(window));
    int entry = values == null ? -1 : values.entry(bytesOf(window), bytesOf(key));
    if (values == null || entry < 0) {
      checkPosition(from, 0, token);
      return page(new byte[0], 0, check);
    }
    int count = values.count(entry);
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
  private StateResponse.Builder groups(
      Contents contents, ByteString window, ByteString token, boolean withValues) {
    int check = check(window, ByteString.EMPTY, withValues ? 2 : 3);
    int from = PageToken.parse(token, check).position();
    BlockIndex values = contents.of(bytesOf(window));
    int[] entries = values == null ? new int[0] : values.entries(bytesOf(window));
    checkPosition(from, entries.length, token);
    if (values == null) {
      return page(new byte[0], 0, check);
    }
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

  static ByteKey bytesOf(ByteString bytes) {
    return ByteKey.wrap(bytes.toByteArray());
  }

  private static int check(ByteString window, ByteString key, int kind) {
    return (window.hashCode() * 31 + key.hashCode()) * 31 + kind;
  }
}
