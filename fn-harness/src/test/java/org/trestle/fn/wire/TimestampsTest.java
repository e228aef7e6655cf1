package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.hex;

import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class TimestampsTest {

  @Test
  void flipsTheSign() {
    assertThat(encode(-255)).isEqualTo(hex("7fffffffffffff01"));
    assertThat(encode(256)).isEqualTo(hex("8000000000000100"));
  }

  @Property
  void decodesWhatItEncodes(@ForAll long millis) {
    assertThat(Timestamps.decode(encode(millis), 0, 8)).isEqualTo(millis);
  }

  @Property
  void bytesSortLikeTimes(@ForAll long one, @ForAll long two) {
    assertThat(Integer.signum(Arrays.compareUnsigned(encode(one), encode(two))))
        .isEqualTo(Long.compare(one, two));
  }

  @Test
  void refusesTruncation() {
    assertThatThrownBy(() -> Timestamps.decode(new byte[20], 3, 10))
        .isInstanceOf(WireFormatException.class);
  }

  private static byte[] encode(long millis) {
    ByteSink sink = new ByteSink();
    Timestamps.encode(sink, millis);
    byte[] overwritten = new byte[8];
    Timestamps.encode(overwritten, 0, millis);
    assertThat(overwritten).isEqualTo(sink.toByteArray());
    return overwritten;
  }
}
