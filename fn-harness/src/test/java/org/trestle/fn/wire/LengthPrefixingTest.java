package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.UNKNOWN_URN;

import com.google.protobuf.ByteString;
import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.SchemaApi.AtomicType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Field;
import org.apache.beam.model.pipeline.v1.SchemaApi.FieldType;
import org.apache.beam.model.pipeline.v1.SchemaApi.Schema;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.trestle.proto.Urns;

class LengthPrefixingTest {
  private final TestingComponents coders = new TestingComponents();
  private final String bytes = coders.add(Urns.Coders.BYTES);
  private final String varint = coders.add(Urns.Coders.VARINT);
  private final String global = coders.add(Urns.Coders.GLOBAL_WINDOW);
  private final String interval = coders.add(Urns.Coders.INTERVAL_WINDOW);
  private final String unknown = coders.add(UNKNOWN_URN);
  private final String prefixed = coders.add(Urns.Coders.LENGTH_PREFIX, unknown);

  private String wire(String id) {
    return LengthPrefixing.wireCoderId(coders.builder(), id);
  }

  private String wireWindow(String id) {
    return LengthPrefixing.wireWindowCoderId(coders.builder(), id);
  }

  @Test
  void leavesKnownCodersAlone() {
    String kv = coders.add(Urns.Coders.KV, bytes, coders.add(Urns.Coders.ITERABLE, prefixed));
    int count = coders.builder().getCodersCount();

    assertThat(wire(kv)).isEqualTo(kv);
    assertThat(wire(prefixed)).isEqualTo(prefixed);
    assertThat(coders.builder().getCodersCount()).isEqualTo(count);
  }

  @Test
  void wrapsUnknownCodersWhereTheyAre() {
    String kv = coders.add(Urns.Coders.KV, unknown, coders.add(Urns.Coders.ITERABLE, unknown));

    assertThat(coders.text(wire(unknown))).isEqualTo("length_prefix<unknown>");
    assertThat(coders.text(wire(kv)))
        .isEqualTo("kv<length_prefix<unknown>, iterable<length_prefix<unknown>>>");
    assertThat(WireCoders.isKnown(coders.build(), wire(kv))).isTrue();
  }

  @Test
  void goesIntoAllCompositeCoders() {
    assertThat(coders.text(wire(coders.add(Urns.Coders.STATE_BACKED_ITERABLE, unknown))))
        .isEqualTo("state_backed_iterable<length_prefix<unknown>>");
    assertThat(coders.text(wire(coders.add(Urns.Coders.NULLABLE, unknown))))
        .isEqualTo("nullable<length_prefix<unknown>>");
    assertThat(coders.text(wire(coders.add(Urns.Coders.SHARDED_KEY, unknown))))
        .isEqualTo("sharded_key<length_prefix<unknown>>");
    assertThat(coders.text(wire(coders.add(Urns.Coders.WINDOWED_VALUE, unknown, interval))))
        .isEqualTo("windowed_value<length_prefix<unknown>, interval_window>");
    assertThat(coders.text(wire(coders.add(Urns.Coders.TIMER, unknown, unknown))))
        .isEqualTo("timer<length_prefix<unknown>, custom_window<length_prefix<unknown>>>");
  }

  @Test
  void keepsThePayloadOfARewrittenCoder() {
    String iterable =
        coders.add(
            Urns.Coders.STATE_BACKED_ITERABLE, ByteString.copyFromUtf8("1"), List.of(unknown));

    Coder rewritten = coders.builder().getCodersOrThrow(wire(iterable));

    assertThat(rewritten.getSpec().getPayload().toStringUtf8()).isEqualTo("1");
  }

  @Test
  void givesTheSameAnswerAgain() {
    String kv = coders.add(Urns.Coders.KV, unknown, bytes);

    String first = wire(kv);
    Components after = coders.build();

    assertThat(wire(kv)).isEqualTo(first);
    assertThat(wire(first)).isEqualTo(first);
    assertThat(coders.build()).isEqualTo(after);
  }

  @Test
  void takesNoIdThatIsInUse() {
    coders.put(unknown + "_prefixed", Urns.Coders.VARINT, ByteString.EMPTY, List.of());
    coders.put(unknown + "_prefixed_1", Urns.Coders.VARINT, ByteString.EMPTY, List.of());

    String id = wire(unknown);

    assertThat(id).isEqualTo(unknown + "_prefixed_2");
    assertThat(coders.text(unknown + "_prefixed")).isEqualTo("varint");
    assertThat(wire(unknown)).isEqualTo(id);
  }

  @Test
  void wrapsRowsThatSdksDoNotEncodeAlike() {
    String plain = coders.row(schema(AtomicType.STRING));
    String odd = coders.row(schema(AtomicType.INT16));

    assertThat(wire(plain)).isEqualTo(plain);
    assertThat(coders.text(wire(odd))).isEqualTo("length_prefix<row>");
  }

  private static Schema schema(AtomicType type) {
    return Schema.newBuilder()
        .addFields(
            Field.newBuilder().setName("f").setType(FieldType.newBuilder().setAtomicType(type)))
        .build();
  }

  @Test
  void refusesCodersThatAreMissingOrEndless() {
    coders.put("loop", Urns.Coders.ITERABLE, ByteString.EMPTY, List.of("loop"));

    assertThatThrownBy(() -> wire("loop")).isInstanceOf(UnknownCoderException.class);
    assertThatThrownBy(() -> wire("nowhere")).isInstanceOf(UnknownCoderException.class);
    String kv = coders.add(Urns.Coders.KV, bytes);
    assertThatThrownBy(() -> wire(kv)).isInstanceOf(UnknownCoderException.class);
  }

  @Test
  void takesNoTimeForCodersThatShareComponents() {
    String coder = unknown;
    for (int i = 0; i < 100; i++) {
      coder = coders.add(Urns.Coders.KV, coder, coder);
    }
    Coder rewritten = coders.builder().getCodersOrThrow(wire(coder));

    assertThat(rewritten.getSpec().getUrn()).isEqualTo(Urns.Coders.KV);
  }

  @Nested
  class Windows {
    @Test
    void leavesReadableWindowsAlone() {
      String prefixedInterval = coders.add(Urns.Coders.LENGTH_PREFIX, interval);
      String custom = coders.add(Urns.Coders.CUSTOM_WINDOW, prefixed);
      String customInterval = coders.add(Urns.Coders.CUSTOM_WINDOW, interval);

      for (String id : List.of(global, interval, prefixedInterval, custom, customInterval)) {
        assertThat(wireWindow(id)).isEqualTo(id);
      }
    }

    @Test
    void putsTimestampAndLengthBeforeOtherWindows() {
      assertThat(coders.text(wireWindow(unknown)))
          .isEqualTo("custom_window<length_prefix<unknown>>");
      assertThat(coders.text(wireWindow(prefixed)))
          .isEqualTo("custom_window<length_prefix<unknown>>");
      assertThat(coders.text(wireWindow(bytes))).isEqualTo("custom_window<length_prefix<bytes>>");
      assertThat(coders.text(wireWindow(coders.add(Urns.Coders.CUSTOM_WINDOW, unknown))))
          .isEqualTo("custom_window<length_prefix<unknown>>");
      assertThat(coders.text(wireWindow(coders.add(Urns.Coders.CUSTOM_WINDOW, varint))))
          .isEqualTo("custom_window<length_prefix<varint>>");
    }

    @Test
    void areReadableAfterwards() {
      String id = wireWindow(unknown);

      assertThat(WireCoders.window(coders.build(), id)).isInstanceOf(WindowCoders.Custom.class);
      assertThat(wireWindow(id)).isEqualTo(id);
      assertThat(wire(id)).isEqualTo(id);
    }

    @Test
    void keepsWindowsInsideOfAPayload() {
      String inGlobal = coders.add(Urns.Coders.PARAM_WINDOWED_VALUE, unknown, global);
      String inUnknown = coders.add(Urns.Coders.PARAM_WINDOWED_VALUE, varint, unknown);

      assertThat(coders.text(wire(inGlobal)))
          .isEqualTo("param_windowed_value<length_prefix<unknown>, global_window>");
      assertThat(coders.text(wire(inUnknown)))
          .isEqualTo("length_prefix<param_windowed_value<varint, unknown>>");
    }
  }
}
