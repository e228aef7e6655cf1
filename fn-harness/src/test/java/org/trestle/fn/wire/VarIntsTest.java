package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class VarIntsTest {

  @Property
  void decodesWhatASinkEncodes(@ForAll long value) {
    byte[] bytes = new ByteSink(0).putVarInt(value).putByte(0xFF).toByteArray();
    int end = bytes.length - 1;

    assertThat(VarInts.decode(bytes, 0, bytes.length)).isEqualTo(value);
    assertThat(VarInts.skip(bytes, 0, bytes.length)).isEqualTo(end);
    assertThat(VarInts.length(value)).isEqualTo(end);
  }

  @Test
  void decodesTheBounds() {
    for (long value : new long[] {0, 127, 128, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      byte[] bytes = new ByteSink().putVarInt(value).toByteArray();

      assertThat(VarInts.decode(bytes, 0, bytes.length)).isEqualTo(value);
      assertThat(VarInts.length(value)).isEqualTo(bytes.length);
    }
  }
}
