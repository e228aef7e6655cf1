package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.OrderedListRange;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateClearResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WireCoder;
import org.trestle.fn.wire.WireFormatException;

/**
 * Answers requests for user state out of an overlay. For one thread at a time.
 *
 * <p>On the wire an entry of an ordered list is its sort key as a varint, then its value. Its entry
 * key in the storage is the sort key in eight bytes that sort like the number.
 */
final class StateProtocol {
  private static final ByteKey BAG = ByteKey.empty();

  /** A length, then so many bytes: what SDKs write behind sort keys unless said otherwise. */
  private static final WireCoder LENGTH_PREFIXED =
      (buffer, position, limit) -> {
        int start = VarInts.skip(buffer, position, limit);
        long length = VarInts.decode(buffer, position, limit);
        if (length < 0 || length > limit - start) {
          throw new WireFormatException("length " + length + " at " + position + " is too large");
        }
        return start + (int) length;
      };

  private final StateOverlay overlay;
  private final StateFormats formats;
  private final int pageBytes;
  private final Map<String, String> names = new HashMap<>();

  StateProtocol(StateOverlay overlay, StateFormats formats, int pageBytes) {
    this.overlay = overlay;
    this.formats = formats;
    this.pageBytes = pageBytes;
  }

  StateResponse.Builder handle(StateRequest request) {
    overlay.nextRequest();
    StateKey key = request.getStateKey();
    return switch (request.getRequestCase()) {
      case GET -> {
        ByteString token = request.getGet().getContinuationToken();
        yield StateResponse.newBuilder().setGet(get(key, token));
      }
      case APPEND -> {
        append(key, request.getAppend().getData());
        yield StateResponse.newBuilder().setAppend(StateAppendResponse.getDefaultInstance());
      }
      case CLEAR -> {
        clear(key);
        yield StateResponse.newBuilder().setClear(StateClearResponse.getDefaultInstance());
      }
      case REQUEST_NOT_SET -> throw new StateRequestException("state request without a request");
    };
  }

  private StateGetResponse get(StateKey key, ByteString token) {
    StateAddress cell = address(key);
    // Empty for all kinds but one.
    ByteString mapKey = key.getMultimapUserState().getMapKey();
    int check = (cell.hashCode() * 31 + mapKey.hashCode()) * 31 + key.getTypeCase().getNumber();
    PageToken from = PageToken.parse(token, check);
    return switch (key.getTypeCase()) {
      case BAG_USER_STATE -> values(cell, BAG, from, check);
      case MULTIMAP_USER_STATE -> values(cell, bytesOf(mapKey), from, check);
      case MULTIMAP_KEYS_USER_STATE -> mapKeys(cell, from, check);
      case MULTIMAP_ENTRIES_USER_STATE -> mapEntries(cell, from, check);
      case ORDERED_LIST_USER_STATE -> orderedList(cell, key.getOrderedListUserState(), from, check);
      case RUNNER,
          MULTIMAP_SIDE_INPUT,
          ITERABLE_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT,
          TYPE_NOT_SET ->
          throw unknown(key);
    };
  }

  private void append(StateKey key, ByteString data) {
    StateAddress cell = address(key);
    switch (key.getTypeCase()) {
      case BAG_USER_STATE -> overlay.append(cell, BAG, data);
      case MULTIMAP_USER_STATE ->
          overlay.append(cell, bytesOf(key.getMultimapUserState().getMapKey()), data);
      case ORDERED_LIST_USER_STATE -> appendSorted(cell, data.toByteArray());
      case MULTIMAP_KEYS_USER_STATE, MULTIMAP_ENTRIES_USER_STATE ->
          throw new StateRequestException("cannot append to state key " + key.getTypeCase());
      case RUNNER,
          MULTIMAP_SIDE_INPUT,
          ITERABLE_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT,
          TYPE_NOT_SET ->
          throw unknown(key);
    }
  }

  private void clear(StateKey key) {
    StateAddress cell = address(key);
    switch (key.getTypeCase()) {
      case BAG_USER_STATE, MULTIMAP_KEYS_USER_STATE, MULTIMAP_ENTRIES_USER_STATE ->
          overlay.clear(cell);
      case MULTIMAP_USER_STATE ->
          overlay.clearEntry(cell, bytesOf(key.getMultimapUserState().getMapKey()));
      case ORDERED_LIST_USER_STATE -> {
        if (key.getOrderedListUserState().hasRange()) {
          OrderedListRange range = key.getOrderedListUserState().getRange();
          if (range.getStart() < range.getEnd()) {
            overlay.clear(cell, sortKey(range.getStart()), sortKey(range.getEnd()));
          }
        } else {
          overlay.clear(cell);
        }
      }
      case RUNNER,
          MULTIMAP_SIDE_INPUT,
          ITERABLE_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT,
          TYPE_NOT_SET ->
          throw unknown(key);
    }
  }

  private void appendSorted(StateAddress cell, byte[] data) {
    WireCoder declared = formats.value(cell.transform(), cell.userState());
    WireCoder value = declared == null ? LENGTH_PREFIXED : declared;
    int limit = data.length;
    // All is read before anything is changed: malformed data leaves no trace.
    for (int at = 0; at < limit; ) {
      at = value.skip(data, VarInts.skip(data, at, limit), limit);
    }
    for (int at = 0; at < limit; ) {
      int end = value.skip(data, VarInts.skip(data, at, limit), limit);
      overlay.append(cell, sortKey(VarInts.decode(data, at, limit)), data, at, end);
      at = end;
    }
  }

  private StateGetResponse values(StateAddress cell, ByteKey entry, PageToken from, int check) {
    Page page = new Page(check);
    page.addValues(overlay.values(cell, entry), entry, from.position());
    return page.response();
  }

  private StateGetResponse mapKeys(StateAddress cell, PageToken from, int check) {
    Page page = new Page(check);
    ByteKey entry = overlay.ceiling(cell, from.entry());
    while (entry != null && page.add(entry.bytes(), entry.length(), entry, 0)) {
      entry = overlay.ceiling(cell, successor(entry));
    }
    return page.response();
  }

  private StateGetResponse mapEntries(StateAddress cell, PageToken from, int check) {
    WireCoder coder = formats.value(cell.transform(), cell.userState());
    if (coder == null) {
      throw new StateRequestException(
          "values of state " + cell.userState() + " cannot be counted: their coder is unknown");
    }
    Page page = new Page(check);
    ByteKey entry = overlay.ceiling(cell, from.entry());
    while (entry != null) {
      byte[] encoded = mapEntry(entry, overlay.values(cell, entry), coder);
      if (!page.add(encoded, encoded.length, entry, 0)) {
        break;
      }
      entry = overlay.ceiling(cell, successor(entry));
    }
    return page.response();
  }

  /** A key with its values, as {@code KV<K, Iterable<V>>}. */
  private static byte[] mapEntry(ByteKey key, List<ValueChunks> values, WireCoder coder) {
    ByteSink sink = new ByteSink();
    sink.put(key.bytes()).putInt(0);
    long count = 0;
    for (ValueChunks chunks : values) {
      if (chunks.bytes() == 0) {
        count += chunks.appends();
      }
      for (int i = 0; i < chunks.chunks(); i++) {
        int limit = chunks.length(i);
        for (int at = 0; at < limit; count++) {
          at = coder.skip(chunks.chunk(i), at, limit);
        }
        sink.put(chunks.chunk(i), 0, limit);
      }
    }
    byte[] encoded = sink.toByteArray();
    byte[] number = new ByteSink(Integer.BYTES).putInt(Math.toIntExact(count)).array();
    System.arraycopy(number, 0, encoded, key.length(), Integer.BYTES);
    return encoded;
  }

  private StateGetResponse orderedList(
      StateAddress cell, StateKey.OrderedListUserState key, PageToken from, int check) {
    ByteKey first = sortKey(key.hasRange() ? key.getRange().getStart() : Long.MIN_VALUE);
    ByteKey limit = key.hasRange() ? sortKey(key.getRange().getEnd()) : null;
    Page page = new Page(check);
    boolean resumed = from.entry().compareTo(first) > 0 || from.position() > 0;
    ByteKey entry = overlay.ceiling(cell, resumed ? from.entry() : first);
    while (entry != null && (limit == null || entry.compareTo(limit) < 0)) {
      int position = entry.equals(from.entry()) ? from.position() : 0;
      if (!page.addValues(overlay.values(cell, entry), entry, position)) {
        break;
      }
      entry = overlay.ceiling(cell, successor(entry));
    }
    return page.response();
  }

  /** The next larger key. */
  private static ByteKey successor(ByteKey key) {
    return ByteKey.copyOf(key.bytes(), 0, key.length() + 1);
  }

  private static ByteKey sortKey(long number) {
    return ByteKey.wrap(new ByteSink(Long.BYTES).putLong(number ^ Long.MIN_VALUE).array());
  }

  private static ByteKey bytesOf(ByteString bytes) {
    return ByteKey.wrap(bytes.toByteArray());
  }

  private static StateRequestException unknown(StateKey key) {
    return new StateRequestException("not user state: state key " + key.getTypeCase());
  }

  private StateAddress address(StateKey key) {
    return switch (key.getTypeCase()) {
      case BAG_USER_STATE -> {
        StateKey.BagUserState bag = key.getBagUserState();
        yield address(bag.getTransformId(), bag.getUserStateId(), bag.getWindow(), bag.getKey());
      }
      case MULTIMAP_USER_STATE -> {
        StateKey.MultimapUserState map = key.getMultimapUserState();
        yield address(map.getTransformId(), map.getUserStateId(), map.getWindow(), map.getKey());
      }
      case MULTIMAP_KEYS_USER_STATE -> {
        StateKey.MultimapKeysUserState map = key.getMultimapKeysUserState();
        yield address(map.getTransformId(), map.getUserStateId(), map.getWindow(), map.getKey());
      }
      case MULTIMAP_ENTRIES_USER_STATE -> {
        StateKey.MultimapEntriesUserState map = key.getMultimapEntriesUserState();
        yield address(map.getTransformId(), map.getUserStateId(), map.getWindow(), map.getKey());
      }
      case ORDERED_LIST_USER_STATE -> {
        StateKey.OrderedListUserState list = key.getOrderedListUserState();
        yield address(
            list.getTransformId(), list.getUserStateId(), list.getWindow(), list.getKey());
      }
      case RUNNER,
          MULTIMAP_SIDE_INPUT,
          ITERABLE_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT,
          TYPE_NOT_SET ->
          throw unknown(key);
    };
  }

  private StateAddress address(
      String transform, String userState, ByteString window, ByteString key) {
    return new StateAddress(once(transform), once(userState), bytesOf(window), bytesOf(key));
  }

  /** The same name, not one copy for each request. */
  private String once(String name) {
    return names.computeIfAbsent(name, first -> first);
  }

  /** A page in the making: pieces of whole values, up to the size of a page or one piece. */
  private final class Page {
    private final int check;
    private final ByteSink sink = new ByteSink();
    private @Nullable PageToken next;

    Page(int check) {
      this.check = check;
    }

    /** Adds a piece; if it does not fit, notes its place for the next page and returns false. */
    boolean add(byte[] piece, int length, ByteKey entry, int position) {
      if (!sink.isEmpty() && (long) sink.length() + length > pageBytes) {
        next = new PageToken(entry, position);
        return false;
      }
      sink.put(piece, 0, length);
      return true;
    }

    /** Adds chunks of an entry; false if one did not fit. */
    boolean addValues(List<ValueChunks> values, ByteKey entry, int from) {
      int number = 0;
      for (ValueChunks chunks : values) {
        for (int i = 0; i < chunks.chunks(); i++) {
          if (number >= from && !add(chunks.chunk(i), chunks.length(i), entry, number)) {
            return false;
          }
          number++;
        }
      }
      if (from > number) {
        throw new StateRequestException(
            "continuation token is no longer valid: the state was cleared");
      }
      return true;
    }

    StateGetResponse response() {
      StateGetResponse.Builder response = StateGetResponse.newBuilder().setData(sink.drain());
      if (next != null) {
        response.setContinuationToken(next.encode(check));
      }
      return response.build();
    }
  }
}
