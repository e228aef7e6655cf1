package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.hex;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PanesTest {

  @Test
  void takesOneByteForCommonPanes() {
    assertThat(encode(new Panes.Pane(true, true, Panes.Timing.UNKNOWN, 0, 0)))
        .containsExactly(Panes.NO_FIRING);
    assertThat(encode(new Panes.Pane(true, true, Panes.Timing.ON_TIME, 0, 0)))
        .containsExactly(Panes.ON_TIME_AND_ONLY);
  }

  @Test
  void tellsFirstAndLast() {
    assertThat(Panes.isFirst((byte) 0x01)).isTrue();
    assertThat(Panes.isLast((byte) 0x01)).isFalse();
    assertThat(Panes.isFirst((byte) 0x02)).isFalse();
    assertThat(Panes.isLast((byte) 0x02)).isTrue();
  }

  @Property
  void decodesWhatItEncodes(@ForAll("panes") Panes.Pane pane) {
    byte[] bytes = encode(pane);

    assertThat(Panes.decode(bytes, 0, bytes.length)).isEqualTo(pane);
    assertThat(Panes.skip(bytes, 0, bytes.length)).isEqualTo(bytes.length);
    assertThat(Panes.index(bytes, 0, bytes.length)).isEqualTo(pane.index());
    assertThat(Panes.timing(bytes[0])).isEqualTo(pane.timing());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1f", "1f80", "2f01", "3f", "ff"})
  void refusesMalformedPanes(String digits) {
    byte[] bytes = hex(digits);

    assertThatThrownBy(() -> Panes.decode(bytes, 0, bytes.length))
        .isInstanceOf(WireFormatException.class);
    assertThatThrownBy(() -> Panes.skip(bytes, 0, bytes.length))
        .isInstanceOf(WireFormatException.class);
  }

  private static byte[] encode(Panes.Pane pane) {
    ByteSink sink = new ByteSink();
    Panes.encode(sink, pane);
    return sink.toByteArray();
  }

  @Provide
  Arbitrary<Panes.Pane> panes() {
    return anyPane();
  }

  /** Panes as triggers make them: early ones are speculative, those of no trigger have no index. */
  static Arbitrary<Panes.Pane> anyPane() {
    Arbitrary<Long> index = Arbitraries.longs().between(0, 1000);
    return Combinators.combine(
            Arbitraries.of(true, false),
            Arbitraries.of(true, false),
            Arbitraries.of(Panes.Timing.class),
            index,
            index)
        .as(
            (first, last, timing, one, two) ->
                switch (timing) {
                  case UNKNOWN -> new Panes.Pane(first, last, timing, 0, 0);
                  case EARLY -> new Panes.Pane(first, last, timing, one, -1);
                  case ON_TIME, LATE ->
                      new Panes.Pane(first, last, timing, Math.max(one, two), Math.min(one, two));
                });
  }
}
