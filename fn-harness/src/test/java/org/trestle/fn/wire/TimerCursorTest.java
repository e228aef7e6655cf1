package org.trestle.fn.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.wire.TestingComponents.hex;

import com.google.protobuf.ByteString;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class TimerCursorTest {
  private final TimerCursor cursor =
      new TimerCursor(Encodings.LENGTH_PREFIXED, WindowCoders.INTERVAL);

  /** A timer to write; a negative hold stands for clearing it. */
  record Timer(ByteString key, String tag, long windowStart, long fire, long hold) {
    byte[] window() {
      return IntervalWindows.encode(windowStart, windowStart + 10);
    }

    byte[] encodedKey() {
      return new ByteSink().putVarInt(key.size()).put(key).toByteArray();
    }

    void writeTo(TimerWriter writer) {
      if (hold < 0) {
        writer.clear(encodedKey(), tag, window());
      } else {
        writer.set(encodedKey(), tag, window(), fire, hold, Panes.NO_FIRING);
      }
    }
  }

  @Test
  void readsWhatThePythonSdkWrites() {
    // set for 5 s, held at 4 s; then another one cleared; both in [0 s, 10 s)
    byte[] bytes =
        hex(
            "036b6579 03746167 00000001 8000000000002710904e 00 8000000000001388 8000000000000fa0"
                + "0f 036b6579 00 00000001 8000000000002710904e 01");
    cursor.reset(bytes);

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.keyStart()).isZero();
    assertThat(cursor.keyEnd()).isEqualTo(4);
    assertThat(cursor.tag()).isEqualTo("tag");
    assertThat(cursor.windowCount()).isEqualTo(1);
    assertThat(cursor.windowMaxTimestamp(0)).isEqualTo(9_999);
    assertThat(cursor.isClear()).isFalse();
    assertThat(cursor.fireTimestamp()).isEqualTo(5_000);
    assertThat(cursor.holdTimestamp()).isEqualTo(4_000);
    assertThat(bytes[cursor.paneStart()]).isEqualTo(Panes.NO_FIRING);
    assertThat(cursor.paneEnd()).isEqualTo(cursor.timerEnd());

    assertThat(cursor.next()).isTrue();
    assertThat(cursor.tag()).isEmpty();
    assertThat(cursor.isClear()).isTrue();
    assertThat(cursor.timerEnd()).isEqualTo(bytes.length);
    assertThat(cursor.next()).isFalse();
  }

  @Property
  void findsAllThatWasWritten(@ForAll("timers") List<Timer> timers) {
    TimerWriter writer = new TimerWriter(new ByteSink());
    timers.forEach(timer -> timer.writeTo(writer));
    byte[] bytes = writer.sink().toByteArray();
    cursor.reset(bytes);

    for (Timer timer : timers) {
      assertThat(cursor.next()).isTrue();
      assertThat(Arrays.copyOfRange(bytes, cursor.keyStart(), cursor.keyEnd()))
          .isEqualTo(timer.encodedKey());
      assertThat(cursor.tag()).isEqualTo(timer.tag);
      assertThat(Arrays.copyOfRange(bytes, cursor.windowStart(0), cursor.windowEnd(0)))
          .isEqualTo(timer.window());
      assertThat(cursor.isClear()).isEqualTo(timer.hold < 0);
      assertThat(cursor.fireTimestamp()).isEqualTo(timer.hold < 0 ? 0 : timer.fire);
      assertThat(cursor.holdTimestamp()).isEqualTo(Math.max(0, timer.hold));
    }
    assertThat(cursor.next()).isFalse();
  }

  @Property
  void refusesTimersThatAreCutOff(@ForAll("timer") Timer timer) {
    TimerWriter writer = new TimerWriter(new ByteSink());
    timer.writeTo(writer);
    WireCoder coder =
        new Encodings.Timer(
            Encodings.LENGTH_PREFIXED, new Encodings.Elements(WindowCoders.INTERVAL, false));
    byte[] bytes = writer.sink().toByteArray();

    assertThat(coder.skip(bytes, 0, bytes.length)).isEqualTo(bytes.length);
    for (int length = 1; length < bytes.length; length++) {
      int limit = length;
      cursor.reset(bytes, 0, limit);
      assertThatThrownBy(cursor::next).isInstanceOf(WireFormatException.class);
      assertThatThrownBy(() -> coder.skip(bytes, 0, limit)).isInstanceOf(WireFormatException.class);
    }
  }

  @Property
  void endsOnAnyBytes(@ForAll byte[] bytes) {
    cursor.reset(bytes);
    int last = 0;
    try {
      while (cursor.next()) {
        assertThat(cursor.timerEnd()).isBetween(last + 1, bytes.length);
        last = cursor.timerEnd();
      }
      assertThat(last).isEqualTo(bytes.length);
    } catch (WireFormatException e) {
      assertThat(last).isLessThan(bytes.length);
    }
  }

  @Provide
  Arbitrary<List<Timer>> timers() {
    return timer().list().ofMaxSize(5);
  }

  @Provide
  Arbitrary<Timer> timer() {
    return Combinators.combine(
            Arbitraries.bytes().array(byte[].class).ofMaxSize(8).map(ByteString::copyFrom),
            Arbitraries.strings().all().excludeChars(surrogates()).ofMaxLength(8),
            Arbitraries.longs().between(-1_000_000, 1_000_000),
            Arbitraries.longs(),
            Arbitraries.longs().between(-5, 1_000))
        .as(Timer::new);
  }

  /** Halves of characters, which have no UTF-8. */
  private static char[] surrogates() {
    char[] all = new char[Character.MAX_SURROGATE - Character.MIN_SURROGATE + 1];
    for (int i = 0; i < all.length; i++) {
      all[i] = (char) (Character.MIN_SURROGATE + i);
    }
    return all;
  }
}
