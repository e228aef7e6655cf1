package org.trestle.engine.windowing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import java.util.Objects;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.MergeStatus;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.FixedWindowsPayload;
import org.apache.beam.model.pipeline.v1.StandardWindowFns.SlidingWindowsPayload;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WireCoders;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.WindowFns;

class DefaultWindowMappingTest {
  private static final WindowCoder INTERVALS =
      WireCoders.window(
          Components.newBuilder()
              .putCoders(
                  "interval",
                  Coder.newBuilder()
                      .setSpec(FunctionSpec.newBuilder().setUrn(Coders.INTERVAL_WINDOW))
                      .build())
              .build(),
          "interval");

  private static Duration millis(long millis) {
    return Duration.newBuilder()
        .setSeconds(Math.floorDiv(millis, 1000L))
        .setNanos((int) Math.floorMod(millis, 1000L) * 1_000_000)
        .build();
  }

  private static @Nullable WindowMapping find(String urn, ByteString payload) {
    WindowingStrategySpec spec =
        WindowingStrategySpec.parse(
            WindowingStrategy.newBuilder()
                .setWindowFn(FunctionSpec.newBuilder().setUrn(urn).setPayload(payload))
                .setMergeStatus(MergeStatus.Enum.NON_MERGING)
                .build(),
            coderId -> INTERVALS);
    return DefaultWindowMapping.of(spec, INTERVALS);
  }

  private static WindowMapping mapping(String urn, ByteString payload) {
    return Objects.requireNonNull(find(urn, payload));
  }

  private static ByteKey interval(long start, long end) {
    return ByteKey.wrap(IntervalWindows.encode(start, end));
  }

  @Test
  void allWindowsReadTheGlobalOne() {
    WindowMapping mapping = mapping(WindowFns.GLOBAL, ByteString.EMPTY);
    assertThat(mapping.sideWindow(interval(0, 10))).isEqualTo(ByteKey.empty());
  }

  @ParameterizedTest
  @CsvSource({
    "0, 10, 0, 0, 10",
    "3, 7, 0, 0, 10",
    "3, 11, 0, 10, 20",
    "-5, 0, 0, -10, 0",
    "0, 10, 3, 3, 13",
    "0, 3, 3, -7, 3"
  })
  void readTheFixedWindowOfTheirLastMoment(
      long start, long end, long offset, long sideStart, long sideEnd) {
    ByteString payload =
        FixedWindowsPayload.newBuilder()
            .setSize(millis(10))
            .setOffset(Timestamp.newBuilder().setNanos((int) offset * 1_000_000))
            .build()
            .toByteString();
    assertThat(mapping(WindowFns.FIXED, payload).sideWindow(interval(start, end)))
        .isEqualTo(interval(sideStart, sideEnd));
  }

  @ParameterizedTest
  @CsvSource({"0, 10, 0, 10", "0, 11, 5, 15", "0, 15, 5, 15", "0, 16, 10, 20", "-5, 0, -10, 0"})
  void readTheEarliestSlidingWindowOfTheirLastMoment(
      long start, long end, long sideStart, long sideEnd) {
    ByteString payload =
        SlidingWindowsPayload.newBuilder()
            .setSize(millis(10))
            .setPeriod(millis(5))
            .build()
            .toByteString();
    assertThat(mapping(WindowFns.SLIDING, payload).sideWindow(interval(start, end)))
        .isEqualTo(interval(sideStart, sideEnd));
  }

  @Test
  void sessionsAreRefusedAndOthersAreTheSdks() {
    assertThatThrownBy(() -> mapping(WindowFns.SESSION, ByteString.EMPTY))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("session windows cannot be a side input");
    assertThat(find("beam:window_fn:serialized_java:v1", ByteString.EMPTY)).isNull();
    assertThatThrownBy(() -> mapping(WindowFns.FIXED, ByteString.EMPTY))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
