package org.trestle.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.shuffle.PagedGroups;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.engine.shuffle.TestingGroups;

class GroupPagesTest {
  private final SpillFiles files = TestingElements.files();
  private final PagedGroups groups = new PagedGroups(files);
  private final GroupPages pages = new GroupPages(groups, 10);

  @AfterEach
  void deletesAll() {
    files.close();
  }

  private static StateRequest.Builder request(ByteString token) {
    return StateRequest.newBuilder()
        .setStateKey(StateKey.newBuilder().setRunner(StateKey.Runner.newBuilder().setKey(token)));
  }

  private StateGetResponse get(ByteString token, ByteString continuation) {
    StateRequest request =
        request(token)
            .setGet(StateGetRequest.newBuilder().setContinuationToken(continuation))
            .build();
    return pages.handle(request).getGet();
  }

  private static ByteString bytes(int count, int value) {
    byte[] bytes = new byte[count];
    Arrays.fill(bytes, (byte) value);
    return ByteString.copyFrom(bytes);
  }

  private ByteString add(int... sizes) {
    List<byte[]> values = new ArrayList<>();
    for (int i = 0; i < sizes.length; i++) {
      values.add(bytes(sizes[i], i).toByteArray());
    }
    return TestingGroups.add(groups, values);
  }

  @Test
  void pagesHoldAsManyChunksAsFit() {
    ByteString token = add(4, 4, 4, 20, 1);

    StateGetResponse first = get(token, ByteString.EMPTY);
    StateGetResponse second = get(token, first.getContinuationToken());
    StateGetResponse third = get(token, second.getContinuationToken());
    StateGetResponse fourth = get(token, third.getContinuationToken());

    assertThat(first.getData()).isEqualTo(bytes(4, 0).concat(bytes(4, 1)));
    assertThat(second.getData()).isEqualTo(bytes(4, 2));
    assertThat(third.getData()).as("a chunk larger than a page").isEqualTo(bytes(20, 3));
    assertThat(fourth.getData()).isEqualTo(bytes(1, 4));
    assertThat(fourth.getContinuationToken().isEmpty()).isTrue();
  }

  @Test
  void aGroupCanBeReadAgain() {
    ByteString token = add(4, 8);

    assertThat(get(token, ByteString.EMPTY)).isEqualTo(get(token, ByteString.EMPTY));
  }

  @Test
  void anUnknownGroupIsRefused() {
    assertThatThrownBy(() -> get(ByteString.copyFromUtf8("nothing."), ByteString.EMPTY))
        .isInstanceOf(StateRequestException.class)
        .hasMessageContaining("gave out no runner state key of 8 bytes");
  }

  @Test
  void aTokenOfAnotherGroupIsRefused() {
    ByteString one = add(9, 9);
    ByteString other = add(9, 9);
    ByteString continuation = get(one, ByteString.EMPTY).getContinuationToken();

    assertThatThrownBy(() -> get(other, continuation))
        .isInstanceOf(StateRequestException.class)
        .hasMessageContaining("continuation token");
  }

  @Test
  void nothingCanBeAdded() {
    StateRequest append =
        request(add(1)).setAppend(StateAppendRequest.getDefaultInstance()).build();

    assertThatThrownBy(() -> pages.handle(append))
        .isInstanceOf(StateRequestException.class)
        .hasMessageContaining("can only be read, not APPEND");
  }
}
