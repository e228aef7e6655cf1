package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;
import org.trestle.fn.wire.WireFormatException;

/** Windowed values of length-prefixed keys and values, written and read for tests. */
public final class TestingElements {
  /** A length, then as many bytes. */
  public static final WireCoder BYTES =
      (buffer, position, limit) -> {
        int start = VarInts.skip(buffer, position, limit);
        long length = VarInts.decode(buffer, position, limit);
        if (length < 0 || length > limit - start) {
          throw new WireFormatException("cut off at " + position);
        }
        return start + (int) length;
      };

  /** The window of no bytes. */
  public static final WindowCoder GLOBAL = new TestingWindowCoder(false);

  /** Interval windows. */
  public static final WindowCoder INTERVALS = new TestingWindowCoder(true);

  private TestingElements() {}

  /** Keyed elements in interval windows. */
  public static EdgeFormat keyedIntervals() {
    return new EdgeFormat(INTERVALS, BYTES, BYTES);
  }

  /** Keyed elements in the global window. */
  public static EdgeFormat keyedGlobal() {
    return new EdgeFormat(GLOBAL, BYTES, BYTES);
  }

  /** Elements without keys in interval windows. */
  public static EdgeFormat plainIntervals() {
    return new EdgeFormat(INTERVALS, BYTES, null);
  }

  /** An element in some windows: {@code key} and {@code value} are its value's bytes. */
  public static void write(
      ByteSink sink, long timestamp, List<ByteKey> windows, byte[] key, byte[] value) {
    Panes.Pane none = Panes.decode(new byte[] {Panes.NO_FIRING}, 0, 1);
    write(sink, timestamp, windows, none, key, value);
  }

  /** Appends an element of a firing. */
  public static void write(
      ByteSink sink,
      long timestamp,
      List<ByteKey> windows,
      Panes.Pane pane,
      byte[] key,
      byte[] value) {
    Timestamps.encode(sink, timestamp);
    sink.putInt(windows.size());
    windows.forEach(window -> sink.put(window.bytes()));
    Panes.encode(sink, pane);
    sink.put(key).put(value);
  }

  public static ByteKey interval(long start, long end) {
    return ByteKey.wrap(IntervalWindows.encode(start, end));
  }

  /** A string with its length before it. */
  public static byte[] prefixed(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return new ByteSink().putLengthPrefixed(bytes, 0, bytes.length).toByteArray();
  }

  /** Files that are made in a directory of the system's, if ever. */
  public static SpillFiles files() {
    return new SpillFiles(
        Path.of(System.getProperty("java.io.tmpdir"), "trestle-spill-" + System.nanoTime()));
  }

  /** All elements' bytes of some blocks, one by one. */
  public static List<ByteString> elements(EdgeFormat format, Iterable<ByteString> blocks) {
    List<ByteString> elements = new ArrayList<>();
    for (ByteString block : blocks) {
      byte[] bytes = block.toByteArray();
      WindowedValueCursor cursor = format.cursor().reset(bytes);
      while (cursor.next()) {
        elements.add(
            ByteString.copyFrom(
                bytes, cursor.elementStart(), cursor.elementEnd() - cursor.elementStart()));
      }
    }
    return elements;
  }

  private record TestingWindowCoder(boolean interval) implements WindowCoder {
    @Override
    public int skip(byte[] buffer, int position, int limit) {
      return interval ? VarInts.skip(buffer, position + Timestamps.LENGTH, limit) : position;
    }

    @Override
    public long maxTimestamp(byte[] buffer, int position, int limit) {
      return interval ? IntervalWindows.end(buffer, position, limit) - 1 : 1_000_000;
    }
  }
}
