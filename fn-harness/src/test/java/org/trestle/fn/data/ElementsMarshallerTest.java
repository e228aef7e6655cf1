package org.trestle.fn.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.KnownLength;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.junit.jupiter.api.Test;

class ElementsMarshallerTest {
  private static final Elements ELEMENTS =
      Elements.newBuilder()
          .addData(
              Elements.Data.newBuilder()
                  .setInstructionId("bundle-1")
                  .setTransformId("source")
                  .setData(ByteString.copyFrom(new byte[100_000])))
          .addTimers(Elements.Timers.newBuilder().setTimerFamilyId("t").setIsLast(true))
          .build();

  private final ElementsMarshaller marshaller = new ElementsMarshaller();

  /** A stream as gRPC hands it over, which knows how much is left. */
  private static final class Received extends ByteArrayInputStream implements KnownLength {
    Received(byte[] bytes) {
      super(bytes);
    }
  }

  @Test
  void readsWhatItWrote() throws Exception {
    try (InputStream stream = marshaller.stream(ELEMENTS)) {
      assertThat(marshaller.parse(stream)).isEqualTo(ELEMENTS);
    }
  }

  @Test
  void readsStreamsThatKnowTheirLength() {
    assertThat(marshaller.parse(new Received(ELEMENTS.toByteArray()))).isEqualTo(ELEMENTS);
  }

  @Test
  void readsStreamsOfUnknownLength() {
    InputStream stream = new ByteArrayInputStream(ELEMENTS.toByteArray());

    assertThat(marshaller.parse(stream)).isEqualTo(ELEMENTS);
  }

  @Test
  void aMalformedMessageEndsTheCall() {
    byte[] cut = ELEMENTS.toByteString().substring(0, 50_000).toByteArray();

    assertThatThrownBy(() -> marshaller.parse(new Received(cut)))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL))
        .hasMessageContaining("malformed message of elements");
  }
}
