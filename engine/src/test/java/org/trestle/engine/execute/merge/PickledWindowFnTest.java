package org.trestle.engine.execute.merge;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import java.nio.charset.StandardCharsets;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PickledWindowFnTest {

  private static FunctionSpec pickled(ByteString payload) {
    return FunctionSpec.newBuilder().setUrn(PickledWindowFn.URN).setPayload(payload).build();
  }

  private static ByteString wrapped(String text) {
    return BytesValue.newBuilder().setValue(ByteString.copyFromUtf8(text)).build().toByteString();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 65, 116, 127, 128, 1_000, 5_504, 9_000, 2_000_000})
  void hasNoBase64BeforeTheTextAndIsStillTheSameMessage(int length) throws Exception {
    String text = "A".repeat(length);

    ByteString payload = PickledWindowFn.readable(pickled(wrapped(text))).getPayload();

    String withoutOtherBytes =
        payload.toString(StandardCharsets.ISO_8859_1).replaceAll("[^A-Za-z0-9+/=]", "");
    assertThat(withoutOtherBytes).isEqualTo(text);
    assertThat(BytesValue.parseFrom(payload).getValue().toStringUtf8()).isEqualTo(text);
  }

  @Test
  void leavesOtherPayloadsAlone() {
    FunctionSpec bare = pickled(ByteString.copyFromUtf8("QlpoOTFB"));
    FunctionSpec trailing = pickled(wrapped("QlpoOTFB").concat(ByteString.copyFromUtf8("x")));
    FunctionSpec cut = pickled(wrapped("QlpoOTFB").substring(0, 5));
    FunctionSpec empty = pickled(ByteString.EMPTY);
    FunctionSpec other =
        pickled(wrapped("QlpoOTFB")).toBuilder().setUrn("beam:window_fn:other:v1").build();

    assertThat(PickledWindowFn.readable(bare)).isSameAs(bare);
    assertThat(PickledWindowFn.readable(trailing)).isSameAs(trailing);
    assertThat(PickledWindowFn.readable(cut)).isSameAs(cut);
    assertThat(PickledWindowFn.readable(empty)).isSameAs(empty);
    assertThat(PickledWindowFn.readable(other)).isSameAs(other);
  }
}
