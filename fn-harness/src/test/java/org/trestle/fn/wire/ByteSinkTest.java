package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.hex;

import com.google.protobuf.ByteString;
import org.junit.jupiter.api.Test;

class ByteSinkTest {

  @Test
  void appendsAtItsEnd() {
    ByteSink sink = new ByteSink(0);

    sink.putByte(0x1FF).putInt(1).putLong(-2).put(hex("0a0b0c"), 1, 2);
    sink.put(ByteString.copyFrom(hex("0d0e"))).putLengthPrefixed(hex("070809"), 0, 2);

    assertThat(sink.toByteArray()).isEqualTo(hex("ff 00000001 fffffffffffffffe 0b 0d0e 02 0708"));
    assertThat(sink.toByteString().size()).isEqualTo(sink.length()).isEqualTo(19);
  }

  @Test
  void forgetsWhatIsCutOff() {
    ByteSink sink = new ByteSink().put(hex("010203"));

    sink.truncate(1);
    assertThat(sink.toByteArray()).isEqualTo(hex("01"));
    assertThatThrownBy(() -> sink.truncate(2)).isInstanceOf(IndexOutOfBoundsException.class);
    sink.clear();
    assertThat(sink.isEmpty()).isTrue();
  }

  @Test
  void drainsWithoutTouchingWhatWasDrained() {
    ByteSink sink = new ByteSink(4).put(hex("01020304"));

    ByteString full = sink.drain();
    sink.put(hex("09"));
    ByteString small = sink.drain();
    sink.put(hex("0808080808"));

    assertThat(full).isEqualTo(ByteString.copyFrom(hex("01020304")));
    assertThat(small).isEqualTo(ByteString.copyFrom(hex("09")));
    assertThat(sink.length()).isEqualTo(5);
    assertThat(new ByteSink().drain()).isEqualTo(ByteString.EMPTY);
  }

  @Test
  void refusesToOutgrowAnArray() {
    ByteSink sink = new ByteSink(0).putByte(1);

    assertThatThrownBy(() -> sink.ensure(Integer.MAX_VALUE))
        .isInstanceOf(IllegalStateException.class);
  }
}
