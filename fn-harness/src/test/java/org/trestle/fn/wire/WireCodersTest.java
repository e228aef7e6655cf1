package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.UNKNOWN_URN;
import static org.trestle.fn.wire.TestingComponents.hex;

import com.google.protobuf.ByteString;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.trestle.proto.Urns;

class WireCodersTest {
  private final TestingComponents coders = new TestingComponents();
  private final String bytes = coders.add(Urns.Coders.BYTES);
  private final String varint = coders.add(Urns.Coders.VARINT);
  private final String global = coders.add(Urns.Coders.GLOBAL_WINDOW);
  private final String interval = coders.add(Urns.Coders.INTERVAL_WINDOW);
  private final String unknown = coders.add(UNKNOWN_URN);

  private int skip(String coder, String digits) {
    byte[] encoded = hex(digits);
    return coders.wire(coder).skip(encoded, 0, encoded.length);
  }

  private WindowCoder windows(String coder) {
    return WireCoders.window(coders.build(), coder);
  }

  private void assertMalformed(String coder, String digits) {
    assertThatThrownBy(() -> skip(coder, digits)).isInstanceOf(WireFormatException.class);
  }

  @Nested
  class RefusedCoders {
    @Test
    void namesTheUnknownComponent() {
      String kv = coders.add(Urns.Coders.KV, bytes, unknown);

      assertThatThrownBy(() -> coders.wire(kv))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining("'" + unknown + "'")
          .hasMessageContaining(UNKNOWN_URN);
      assertThat(WireCoders.isKnown(coders.build(), kv)).isFalse();
    }

    @Test
    void namesTheMissingComponent() {
      String iterable = coders.add(Urns.Coders.ITERABLE, "nowhere");

      assertThatThrownBy(() -> coders.wire(iterable))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining("'nowhere'");
    }

    @Test
    void refusesAWrongNumberOfComponents() {
      String kv = coders.add(Urns.Coders.KV, bytes);

      assertThatThrownBy(() -> coders.wire(kv))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining("1 components instead of 2");
    }

    @Test
    void refusesACoderThatContainsItself() {
      coders.put("a", Urns.Coders.ITERABLE, ByteString.EMPTY, List.of("b"));
      coders.put("b", Urns.Coders.NULLABLE, ByteString.EMPTY, List.of("a"));

      assertThatThrownBy(() -> coders.wire("a"))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining("contains itself");
      coders.put("w", Urns.Coders.LENGTH_PREFIX, ByteString.EMPTY, List.of("w"));
      assertThatThrownBy(() -> WireCoders.window(coders.build(), "w"))
          .isInstanceOf(UnknownCoderException.class);
    }

    @Test
    void refusesACoderThatIsTooDeep() {
      String coder = varint;
      for (int i = 0; i < 100_000; i++) {
        coder = coders.add(Urns.Coders.NULLABLE, coder);
      }
      String deep = coder;

      assertThatThrownBy(() -> coders.wire(deep))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining("nested deeper");
      assertThat(WireCoders.isKnown(coders.build(), deep)).isFalse();
    }

    @Test
    void refusesATreeOfValuesLargerThanMemory() {
      String coder = coders.add(Urns.Coders.DOUBLE);
      for (int i = 0; i < 60; i++) {
        coder = coders.add(Urns.Coders.KV, coder, coder);
      }
      String huge = coder;

      assertThatThrownBy(() -> coders.wire(huge)).isInstanceOf(UnknownCoderException.class);
    }
  }

  @Nested
  class MalformedValues {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "", // nothing
          "80", // no end
          "ffffffffffffffffff02", // beyond 64 bits
          "ffffffffffffffffffff01", // eleven bytes
        })
    void refusesVarints(String digits) {
      assertMalformed(varint, digits);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "05 61 62", // shorter than its length
          "ffffffffffffffffff01", // length -1
          "ffffffffffffffff7f 00", // length 2^63 - 1
          "8080808010 00", // length 2^32
        })
    void refusesLengths(String digits) {
      assertMalformed(bytes, digits);
      assertMalformed(coders.add(Urns.Coders.LENGTH_PREFIX, unknown), digits);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "fffffffe", // count -2
          "7fffffff 00", // more than there are
          "ffffffff 01 00", // no end
          "ffffffff ffffffffffffffffff01 0100", // a token where none may be
          "ffffffff feffffffffffffffff01 00", // chunk of -2
          "ffffffff ffffffffffffffff7f 00", // chunk of 2^63 - 1
        })
    void refusesIterables(String digits) {
      assertMalformed(coders.add(Urns.Coders.ITERABLE, varint), digits);
    }

    @Test
    void refusesBooleansAndNullMarksOtherThanZeroAndOne() {
      assertMalformed(coders.add(Urns.Coders.BOOL), "02");
      assertMalformed(coders.add(Urns.Coders.NULLABLE, varint), "02 00");
    }
  }

  @Nested
  class ValuesWithoutBytes {
    @Test
    void areNotCountedThrough() {
      String iterable = coders.add(Urns.Coders.ITERABLE, global);

      assertThat(skip(iterable, "7fffffff")).isEqualTo(4);
      assertThat(skip(iterable, "ffffffff ffffffffffffffff7f 00")).isEqualTo(14);
    }

    @Test
    void takeNoTimeInDeepTrees() {
      String coder = global;
      for (int i = 0; i < 100; i++) {
        coder = coders.add(Urns.Coders.KV, coder, coder);
      }
      String iterable = coders.add(Urns.Coders.ITERABLE, coder);

      assertThat(skip(iterable, "7fffffff")).isEqualTo(4);
    }
  }

  @Nested
  class Windows {
    @Test
    void readsTheGlobalWindow() {
      WindowCoder coder = windows(global);

      assertThat(coder.skip(new byte[0], 0, 0)).isZero();
      assertThat(coder.maxTimestamp(new byte[0], 0, 0)).isEqualTo(9223371950454775L);
    }

    @Test
    void readsIntervals() {
      byte[] window = IntervalWindows.encode(-5, 20);
      WindowCoder coder = windows(interval);

      assertThat(coder.skip(window, 0, window.length)).isEqualTo(window.length);
      assertThat(coder.maxTimestamp(window, 0, window.length)).isEqualTo(19);
      assertThat(IntervalWindows.start(window, 0, window.length)).isEqualTo(-5);
    }

    @Test
    void readsLengthPrefixedWindows() {
      byte[] window = hex("09 8000000000000014 0a");
      WindowCoder coder = windows(coders.add(Urns.Coders.LENGTH_PREFIX, interval));

      assertThat(coder.skip(window, 0, window.length)).isEqualTo(window.length);
      assertThat(coder.maxTimestamp(window, 0, window.length)).isEqualTo(19);
    }

    @Test
    void refusesLengthsThatAWindowDoesNotFill() {
      byte[] window = hex("0a 8000000000000014 0a 00");
      WindowCoder coder = windows(coders.add(Urns.Coders.LENGTH_PREFIX, interval));

      assertThatThrownBy(() -> coder.skip(window, 0, window.length))
          .isInstanceOf(WireFormatException.class);
    }

    @Test
    void readsCustomWindowsOfThePythonSdk() {
      String custom =
          coders.add(Urns.Coders.CUSTOM_WINDOW, coders.add(Urns.Coders.LENGTH_PREFIX, unknown));
      byte[] window = hex("800000000001adaf 0b 800000000001adb0726564");
      WindowCoder coder = windows(custom);

      assertThat(coder.maxTimestamp(window, 0, window.length)).isEqualTo(109_999);
      assertThat(coder.skip(window, 0, window.length)).isEqualTo(window.length);
    }

    @Test
    void refusesWindowsWithoutMaximumTimestamp() {
      assertThatThrownBy(() -> windows(unknown))
          .isInstanceOf(UnknownCoderException.class)
          .hasMessageContaining(UNKNOWN_URN);
    }
  }
}
