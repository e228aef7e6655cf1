package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardCoders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.trestle.proto.Urns;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** Beam's reference encodings, from the model's own file of them. */
class StandardCodersTest {

  /** An encoded value of the file, with what the file says it stands for. */
  record Example(
      String urn, Components components, String coderId, ByteString encoded, Object value) {
    byte[] bytes() {
      return encoded.toByteArray();
    }

    WireCoder coder() {
      return WireCoders.of(components, coderId);
    }

    @Override
    public String toString() {
      return urn + " " + encoded.size() + " bytes: " + value;
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void skipsToTheEndOfAValue(Example example) {
    byte[] encoded = example.bytes();

    assertThat(example.coder().skip(encoded, 0, encoded.length)).isEqualTo(encoded.length);
  }

  @ParameterizedTest
  @MethodSource("examples")
  void skipsAValueAmongOtherBytes(Example example) {
    byte[] encoded = example.bytes();
    byte[] surrounded = new byte[encoded.length + 25];
    Arrays.fill(surrounded, (byte) 0xFF);
    System.arraycopy(encoded, 0, surrounded, 5, encoded.length);

    assertThat(example.coder().skip(surrounded, 5, surrounded.length))
        .isEqualTo(5 + encoded.length);
  }

  @ParameterizedTest
  @MethodSource("examples")
  void refusesEveryTruncation(Example example) {
    WireCoder coder = example.coder();
    for (int length = 0; length < example.encoded.size(); length++) {
      byte[] cut = Arrays.copyOf(example.bytes(), length);
      byte[] behindLimit = example.bytes();
      int limit = length;

      assertThatThrownBy(() -> coder.skip(cut, 0, cut.length))
          .isInstanceOf(WireFormatException.class);
      assertThatThrownBy(() -> coder.skip(behindLimit, 0, limit))
          .isInstanceOf(WireFormatException.class);
    }
  }

  @Test
  void coversAllStandardCodersButLengthPrefix() throws IOException {
    assertThat(examples().map(Example::urn).distinct())
        .containsExactlyInAnyOrderElementsOf(
            Urns.allOf(StandardCoders.Enum.getDescriptor()).stream()
                .filter(urn -> !urn.equals(Urns.Coders.LENGTH_PREFIX))
                .toList());
  }

  @ParameterizedTest
  @MethodSource("windowedValues")
  void findsThePartsOfAWindowedValue(Example example) {
    Map<?, ?> value = (Map<?, ?>) example.value;
    List<?> windows = (List<?>) member(value, "windows");
    List<String> parts = components(example);

    WindowedValueCursor cursor =
        WireCoders.cursor(example.components, parts.get(0), parts.get(1)).reset(example.bytes());

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.timestamp()).isEqualTo(number(member(value, "timestamp")));
    assertThat(cursor.windowCount()).isEqualTo(windows.size());
    for (int i = 0; i < windows.size(); i++) {
      assertThat(cursor.windowMaxTimestamp(i)).isEqualTo(maxTimestamp(windows.get(i)));
    }
    assertPane((Map<?, ?>) member(value, "pane"), cursor.paneStart(), example);
    assertThat(cursor.elementEnd()).isEqualTo(example.encoded.size());
    assertThat(cursor.next()).isFalse();
  }

  @ParameterizedTest
  @MethodSource("timers")
  void findsThePartsOfATimer(Example example) {
    Map<?, ?> value = (Map<?, ?>) example.value;

    TimerCursor cursor =
        WireCoders.timers(example.components, example.coderId).reset(example.bytes());

    assertThat(cursor.next()).isTrue();
    assertThat(new String(example.bytes(), 1, cursor.keyEnd() - 1, StandardCharsets.UTF_8))
        .isEqualTo(value.get("userKey"));
    assertThat(cursor.tag()).isEqualTo(value.get("dynamicTimerTag"));
    assertThat(cursor.isClear()).isEqualTo(value.get("clearBit"));
    assertThat(cursor.windowCount()).isEqualTo(1);
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(GlobalWindow.MAX_TIMESTAMP);
    if (!cursor.isClear()) {
      assertThat(cursor.fireTimestamp()).isEqualTo(number(member(value, "fireTimestamp")));
      assertThat(cursor.holdTimestamp()).isEqualTo(number(member(value, "holdTimestamp")));
      assertPane((Map<?, ?>) member(value, "pane"), cursor.paneStart(), example);
    }
    assertThat(cursor.next()).isFalse();
  }

  @ParameterizedTest
  @MethodSource("customWindows")
  void readsTheMaximumTimestampOfACustomWindow(Example example) {
    Object window = member((Map<?, ?>) example.value, "window");
    WindowCoder coder = WireCoders.window(example.components, example.coderId);

    assertThat(coder.maxTimestamp(example.bytes(), 0, example.encoded.size()))
        .isEqualTo(maxTimestamp(window));
    assertThat(coder.skip(example.bytes(), 0, example.encoded.size()))
        .isEqualTo(example.encoded.size());
  }

  private static void assertPane(Map<?, ?> expected, int position, Example example) {
    Panes.Pane pane = Panes.decode(example.bytes(), position, example.encoded.size());
    assertThat(pane)
        .isEqualTo(
            new Panes.Pane(
                (Boolean) member(expected, "is_first"),
                (Boolean) member(expected, "is_last"),
                Panes.Timing.valueOf((String) member(expected, "timing")),
                number(member(expected, "index")),
                number(member(expected, "on_time_index"))));
  }

  private static long maxTimestamp(Object window) {
    return window instanceof Map<?, ?> interval
        ? number(member(interval, "end")) - 1
        : GlobalWindow.MAX_TIMESTAMP;
  }

  private static Object member(Map<?, ?> map, String name) {
    return Objects.requireNonNull(map.get(name), name);
  }

  private static long number(Object value) {
    return ((Number) value).longValue();
  }

  private static List<String> components(Example example) {
    return example.components.getCodersOrThrow(example.coderId).getComponentCoderIdsList();
  }

  static Stream<Example> windowedValues() throws IOException {
    return examples().filter(example -> example.urn.equals(Urns.Coders.WINDOWED_VALUE));
  }

  static Stream<Example> timers() throws IOException {
    return examples().filter(example -> example.urn.equals(Urns.Coders.TIMER));
  }

  static Stream<Example> customWindows() throws IOException {
    return examples().filter(example -> example.urn.equals(Urns.Coders.CUSTOM_WINDOW));
  }

  /** All examples that hold in the nested context. */
  static Stream<Example> examples() throws IOException {
    List<Example> examples = new ArrayList<>();
    try (InputStream file =
        StandardCodersTest.class.getResourceAsStream(
            "/org/apache/beam/model/fnexecution/v1/standard_coders.yaml")) {
      Yaml yaml = new Yaml(new SafeConstructor(new LoaderOptions()));
      for (Object document : yaml.loadAll(Objects.requireNonNull(file, "no standard coders"))) {
        Map<?, ?> spec = (Map<?, ?>) document;
        if (Boolean.FALSE.equals(spec.get("nested"))) {
          continue;
        }
        TestingComponents components = new TestingComponents();
        String id = add(components, (Map<?, ?>) member(spec, "coder"));
        String urn = components.build().getCodersOrThrow(id).getSpec().getUrn();
        ((Map<?, ?>) member(spec, "examples"))
            .forEach(
                (encoded, value) ->
                    examples.add(
                        new Example(
                            urn,
                            components.build(),
                            id,
                            ByteString.copyFrom(latin1(encoded)),
                            value)));
      }
    }
    return examples.stream();
  }

  private static String add(TestingComponents components, Map<?, ?> coder) {
    List<String> parts = new ArrayList<>();
    if (coder.get("components") instanceof List<?> list) {
      for (Object part : list) {
        parts.add(add(components, (Map<?, ?>) part));
      }
    }
    ByteString payload =
        coder.containsKey("payload")
            ? ByteString.copyFrom(latin1(member(coder, "payload")))
            : ByteString.EMPTY;
    return components.add((String) member(coder, "urn"), payload, parts);
  }

  private static byte[] latin1(Object text) {
    return ((String) text).getBytes(StandardCharsets.ISO_8859_1);
  }
}
