package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.OrderedListRange;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateClearRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;

/** Requests for user state, as an SDK sends them: transform {@code t}, one state of each kind. */
final class TestingStateKeys {
  private TestingStateKeys() {}

  static StateKey bag(String window, String key) {
    return StateKey.newBuilder()
        .setBagUserState(
            StateKey.BagUserState.newBuilder()
                .setTransformId("t")
                .setUserStateId("bag")
                .setWindow(ByteString.copyFromUtf8(window))
                .setKey(ByteString.copyFromUtf8(key)))
        .build();
  }

  static StateKey map(String window, String key, ByteString mapKey) {
    return StateKey.newBuilder()
        .setMultimapUserState(
            StateKey.MultimapUserState.newBuilder()
                .setTransformId("t")
                .setUserStateId("map")
                .setWindow(ByteString.copyFromUtf8(window))
                .setKey(ByteString.copyFromUtf8(key))
                .setMapKey(mapKey))
        .build();
  }

  static StateKey mapKeys(String window, String key) {
    return StateKey.newBuilder()
        .setMultimapKeysUserState(
            StateKey.MultimapKeysUserState.newBuilder()
                .setTransformId("t")
                .setUserStateId("map")
                .setWindow(ByteString.copyFromUtf8(window))
                .setKey(ByteString.copyFromUtf8(key)))
        .build();
  }

  static StateKey mapEntries(String window, String key) {
    return StateKey.newBuilder()
        .setMultimapEntriesUserState(
            StateKey.MultimapEntriesUserState.newBuilder()
                .setTransformId("t")
                .setUserStateId("map")
                .setWindow(ByteString.copyFromUtf8(window))
                .setKey(ByteString.copyFromUtf8(key)))
        .build();
  }

  /** The whole of an ordered list, as an SDK names it to append. */
  static StateKey list(String window, String key) {
    return StateKey.newBuilder()
        .setOrderedListUserState(
            StateKey.OrderedListUserState.newBuilder()
                .setTransformId("t")
                .setUserStateId("list")
                .setWindow(ByteString.copyFromUtf8(window))
                .setKey(ByteString.copyFromUtf8(key)))
        .build();
  }

  static StateKey list(String window, String key, long start, long end) {
    StateKey.Builder range = list(window, key).toBuilder();
    range
        .getOrderedListUserStateBuilder()
        .setRange(OrderedListRange.newBuilder().setStart(start).setEnd(end));
    return range.build();
  }

  static StateRequest get(StateKey key, ByteString token) {
    return StateRequest.newBuilder()
        .setStateKey(key)
        .setGet(StateGetRequest.newBuilder().setContinuationToken(token))
        .build();
  }

  static StateRequest append(StateKey key, ByteString data) {
    return StateRequest.newBuilder()
        .setStateKey(key)
        .setAppend(StateAppendRequest.newBuilder().setData(data))
        .build();
  }

  static StateRequest clear(StateKey key) {
    return StateRequest.newBuilder()
        .setStateKey(key)
        .setClear(StateClearRequest.getDefaultInstance())
        .build();
  }

  /** Reads all pages. */
  static ByteString read(UserState.Lease lease, StateKey key) {
    ByteString all = ByteString.EMPTY;
    ByteString token = ByteString.EMPTY;
    do {
      StateGetResponse page = lease.handle(get(key, token)).getGet();
      all = all.concat(page.getData());
      token = page.getContinuationToken();
    } while (!token.isEmpty());
    return all;
  }
}
