package org.trestle.engine.windowing;

import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.FixedWindowsPayload;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.SlidingWindowsPayload;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.fn.wire.WindowCoder;

/**
 * How the window fns that a runner knows map windows of a main input: to the earliest of their own
 * windows that holds the last moment of the main input's window. All SDKs do the same.
 */
public final class DefaultWindowMapping {
  private DefaultWindowMapping() {}

  /**
   * The mapping of a side input's windowing strategy.
   *
   * @param mainWindows coder of the main input's windows
   * @return null if the SDK has to be asked
   * @throws IllegalArgumentException if windows of this strategy cannot be read as a side input, or
   *     its window fn is malformed
   */
  public static @Nullable WindowMapping of(
      WindowingStrategySpec sideInput, WindowCoder mainWindows) {
    FunctionSpec windowFn = sideInput.windowFn();
    try {
      return switch (sideInput.kind()) {
        case GLOBAL -> mainWindow -> ByteKey.empty();
        case FIXED -> {
          FixedWindowsPayload fixed = FixedWindowsPayload.parseFrom(windowFn.getPayload());
          long size = millis(fixed.getSize());
          yield new Intervals(mainWindows, size, size, millis(fixed.getOffset()));
        }
        case SLIDING -> {
          SlidingWindowsPayload sliding = SlidingWindowsPayload.parseFrom(windowFn.getPayload());
          yield new Intervals(
              mainWindows,
              millis(sliding.getSize()),
              millis(sliding.getPeriod()),
              millis(sliding.getOffset()));
        }
        case SESSIONS ->
            throw new IllegalArgumentException(
                "session windows cannot be a side input: no window of the main input has a session"
                    + " of its own");
        case CUSTOM -> {
          if (sideInput.merging()) {
            throw new IllegalArgumentException(
                "windows that merge cannot be a side input: no window of the main input has one of"
                    + " its own");
          }
          yield null;
        }
      };
    } catch (InvalidProtocolBufferException malformed) {
      throw new IllegalArgumentException(
          "malformed payload of window fn " + windowFn.getUrn(), malformed);
    }
  }

  private static long millis(Duration duration) {
    return Math.addExact(
        Math.multiplyExact(duration.getSeconds(), 1000L), duration.getNanos() / 1_000_000);
  }

  private static long millis(Timestamp timestamp) {
    return Math.addExact(
        Math.multiplyExact(timestamp.getSeconds(), 1000L), timestamp.getNanos() / 1_000_000);
  }

  /** Windows of the same size, one starting each period. */
  private record Intervals(WindowCoder mainWindows, long size, long period, long offset)
      implements WindowMapping {
    Intervals {
      if (size <= 0 || period <= 0) {
        throw new IllegalArgumentException(
            "windows of " + size + " ms, one each " + period + " ms, cannot be");
      }
    }

    @Override
    public ByteKey sideWindow(ByteKey mainWindow) {
      long last = mainWindows.maxTimestamp(mainWindow.bytes(), 0, mainWindow.length());
      // The first start after the last moment that is too early for its window to hold `last`.
      long start = (Math.floorDiv(last - size - offset, period) + 1) * period + offset;
      return ByteKey.wrap(IntervalWindows.encode(start, start + size));
    }
  }
}
