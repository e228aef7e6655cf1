package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.hex;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class WindowedValueCursorTest {
  private static final WireCoder TEXT = Encodings.LENGTH_PREFIXED;

  /** An element to write; windows are {start, length} pairs. */
  record Element(
      long timestamp, List<Long> windowStarts, Panes.Pane pane, ByteString key, int value) {
    byte[] window(int index) {
      return IntervalWindows.encode(windowStarts.get(index), windowStarts.get(index) + 1000);
    }

    void writeTo(ByteSink sink) {
      Timestamps.encode(sink, timestamp);
      sink.putInt(windowStarts.size());
      for (int i = 0; i < windowStarts.size(); i++) {
        sink.put(window(i));
      }
      Panes.encode(sink, pane);
      sink.putVarInt(key.size()).put(key).putVarInt(value);
    }
  }

  private static WindowedValueCursor keyedIntervals() {
    return new WindowedValueCursor(WindowCoders.INTERVAL, TEXT, Encodings.VARINT);
  }

  @Test
  void readsWhatThePythonSdkWrites() {
    // ("k", 300) at 12.5 s in [0 s, 20 s) and [10 s, 30 s), late pane 2, then ("", -1) at -1.5 ms
    byte[] bytes =
        hex(
            "80000000000030d4 00000002 8000000000004e20a09c01 8000000000007530a09c01 2a0201"
                + "016b ac02"
                + "7fffffffffffffff 00000001 8000000000000000a09c01 0f 00 ffffffffffffffffff01");
    WindowedValueCursor cursor = keyedIntervals().reset(bytes);

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.timestamp()).isEqualTo(12_500);
    assertThat(cursor.windowCount()).isEqualTo(2);
    assertThat(IntervalWindows.start(bytes, cursor.windowStart(1), cursor.windowEnd(1)))
        .isEqualTo(10_000);
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(19_999);
    assertThat(Panes.timing(cursor.paneHead())).isEqualTo(Panes.Timing.LATE);
    assertThat(cursor.paneIndex()).isEqualTo(2);
    assertThat(new String(bytes, cursor.keyStart() + 1, 1, StandardCharsets.UTF_8)).isEqualTo("k");
    assertThat(VarInts.decode(bytes, cursor.keyEnd(), cursor.valueEnd())).isEqualTo(300);

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.timestamp()).isEqualTo(-1);
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(-1);
    assertThat(cursor.keyEnd() - cursor.keyStart()).isEqualTo(1);
    assertThat(VarInts.decode(bytes, cursor.keyEnd(), cursor.valueEnd())).isEqualTo(-1);
    assertThat(cursor.elementEnd()).isEqualTo(bytes.length);

    assertThat(cursor.next()).isFalse();
    assertThat(cursor.next()).isFalse();
  }

  @Test
  void readsCustomWindowsOfThePythonSdk() {
    byte[] bytes =
        hex("8000000000018a88 00000001 800000000001adaf 0b 800000000001adb0726564 0f 01 76");
    WindowedValueCursor cursor =
        new WindowedValueCursor(new WindowCoders.Custom(TEXT), TEXT).reset(bytes);

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(109_999);
    assertThat(cursor.windowEnd(0)).isEqualTo(cursor.windowsEnd());
    assertThat(cursor.valueEnd() - cursor.valueStart()).isEqualTo(2);
    assertThat(cursor.next()).isFalse();
  }

  @Test
  void readsTheGlobalWindow() {
    ByteSink sink = new ByteSink();
    WindowedValueWriter writer = new WindowedValueWriter(sink);
    writer.header(5, new byte[0], Panes.NO_FIRING).value(hex("01 61"));
    writer.header(6, new byte[0], Panes.NO_FIRING).value(hex("00"));
    WindowedValueCursor cursor = new WindowedValueCursor(WindowCoders.GLOBAL, TEXT);

    cursor.reset(sink.array(), 0, sink.length());

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.windowCount()).isEqualTo(1);
    assertThat(cursor.windowStart(0)).isEqualTo(cursor.windowEnd(0)).isEqualTo(12);
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(GlobalWindow.MAX_TIMESTAMP);
    assertThat(cursor.windowsStart()).isEqualTo(8);
    assertThat(cursor.paneStart()).isEqualTo(12);
    assertThat(cursor.paneEnd()).isEqualTo(13);
    assertThat(cursor.next()).isTrue();
    assertThat(cursor.timestamp()).isEqualTo(6);
    assertThat(cursor.next()).isFalse();
  }

  @Test
  void refusesAnElementThatIsTwiceInTheGlobalWindow() {
    assertMalformed(WindowCoders.GLOBAL, "8000000000000000 00000002 0f 00");
    assertMalformed(WindowCoders.GLOBAL, "8000000000000000 7fffffff 0f 00");
    assertMalformed(WindowCoders.GLOBAL, "8000000000000000 ffffffff 01 01 00 0f 00");
  }

  @Test
  void refusesImpossibleWindowCounts() {
    assertMalformed(WindowCoders.INTERVAL, "8000000000000000 7fffffff 8000000000000000 00 0f 00");
    assertMalformed(WindowCoders.INTERVAL, "8000000000000000 fffffffe 8000000000000000 00 0f 00");
    assertMalformed(
        WindowCoders.INTERVAL, "8000000000000000 ffffffff ffffffffffffffff7f 8000000000000000");
  }

  private static void assertMalformed(WindowCoder window, String digits) {
    WindowedValueCursor cursor = new WindowedValueCursor(window, TEXT).reset(hex(digits));

    assertThatThrownBy(cursor::next).isInstanceOf(WireFormatException.class);
  }

  @Test
  void readsWindowsInChunks() {
    byte[] bytes =
        hex("8000000000000000 ffffffff 01 800000000000000a 0a 01 8000000000000014 0a 00 0f 00");
    WindowedValueCursor cursor = new WindowedValueCursor(WindowCoders.INTERVAL, TEXT).reset(bytes);

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.windowCount()).isEqualTo(2);
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(9);
    assertThat(cursor.windowMaxTimestamp(1)).isEqualTo(19);
    assertThat(cursor.next()).isFalse();
  }

  @Test
  void hasNoWindowsBeyondTheElements() {
    WindowedValueCursor cursor = new WindowedValueCursor(WindowCoders.GLOBAL, TEXT);
    cursor.reset(hex("8000000000000000 00000001 0f 00 8000000000000000 00000000 0f 00"));

    cursor.next();
    assertThatThrownBy(() -> cursor.windowStart(1)).isInstanceOf(IndexOutOfBoundsException.class);
    cursor.next();
    assertThat(cursor.windowCount()).isZero();
    assertThatThrownBy(() -> cursor.windowStart(0)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Property
  void findsAllThatWasWritten(@ForAll("elements") List<Element> elements) {
    ByteSink sink = new ByteSink(0);
    sink.putLong(-1); // the range need not start at zero
    elements.forEach(element -> element.writeTo(sink));
    int end = sink.length();
    sink.putLong(-1);
    byte[] bytes = sink.toByteArray();
    WindowedValueCursor cursor = keyedIntervals().reset(bytes, 8, end);

    for (Element element : elements) {
      assertThat(cursor.next()).isTrue();
      assertThat(cursor.timestamp()).isEqualTo(element.timestamp);
      assertThat(cursor.windowCount()).isEqualTo(element.windowStarts.size());
      for (int i = 0; i < cursor.windowCount(); i++) {
        assertThat(Arrays.copyOfRange(bytes, cursor.windowStart(i), cursor.windowEnd(i)))
            .isEqualTo(element.window(i));
      }
      assertThat(Panes.decode(bytes, cursor.paneStart(), cursor.paneEnd())).isEqualTo(element.pane);
      assertThat(Arrays.copyOfRange(bytes, cursor.keyStart() + 1, cursor.keyEnd()))
          .isEqualTo(element.key.toByteArray());
      assertThat(VarInts.decode(bytes, cursor.keyEnd(), cursor.valueEnd()))
          .isEqualTo(element.value);
    }
    assertThat(cursor.next()).isFalse();
  }

  @Property
  void putsAnElementIntoEachOfItsWindowsAlone(@ForAll("elements") List<Element> elements) {
    ByteSink source = new ByteSink();
    elements.forEach(element -> element.writeTo(source));
    WindowedValueCursor from = keyedIntervals().reset(source.toByteArray());
    WindowedValueWriter writer = new WindowedValueWriter(new ByteSink());
    ByteSink expected = new ByteSink();

    while (from.next()) {
      for (int i = 0; i < from.windowCount(); i++) {
        writer.header(from, i).value(from.buffer(), from.valueStart(), from.valueEnd());
      }
    }

    for (Element element : elements) {
      for (long start : element.windowStarts) {
        new Element(element.timestamp, List.of(start), element.pane, element.key, element.value)
            .writeTo(expected);
      }
    }
    assertThat(writer.sink().toByteArray()).isEqualTo(expected.toByteArray());
  }

  @Property
  void refusesElementsThatAreCutOff(@ForAll("element") Element element) {
    ByteSink sink = new ByteSink();
    element.writeTo(sink);
    for (int length = 1; length < sink.length(); length++) {
      WindowedValueCursor cursor = keyedIntervals().reset(sink.array(), 0, length);

      assertThatThrownBy(cursor::next).isInstanceOf(WireFormatException.class);
    }
  }

  @Property
  void endsOnAnyBytes(@ForAll("elements") List<Element> elements, @ForAll long seed) {
    ByteSink sink = new ByteSink();
    elements.forEach(element -> element.writeTo(sink));
    byte[] bytes = sink.toByteArray();
    Random random = new Random(seed);
    for (int i = 0; i < bytes.length / 8; i++) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
    }
    WindowedValueCursor cursor = keyedIntervals().reset(bytes);

    int last = 0;
    try {
      while (cursor.next()) {
        assertThat(cursor.elementStart()).isEqualTo(last);
        assertThat(cursor.elementEnd()).isBetween(last + 1, bytes.length);
        last = cursor.elementEnd();
      }
      assertThat(last).isEqualTo(bytes.length);
    } catch (WireFormatException e) {
      assertThat(last).isLessThan(bytes.length);
    }
  }

  @Provide
  Arbitrary<List<Element>> elements() {
    return element().list().ofMaxSize(6);
  }

  @Provide
  Arbitrary<Element> element() {
    return Combinators.combine(
            Arbitraries.longs(),
            Arbitraries.longs().between(-1_000_000, 1_000_000).list().ofMaxSize(5),
            PanesTest.anyPane(),
            Arbitraries.bytes().array(byte[].class).ofMaxSize(10).map(ByteString::copyFrom),
            Arbitraries.integers())
        .as(Element::new);
  }
}
