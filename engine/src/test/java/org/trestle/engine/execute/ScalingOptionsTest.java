package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.scale.PoolLimits;

class ScalingOptionsTest {
  private static final int USUAL = 4;

  private static Struct options(Object... namesAndValues) {
    Struct.Builder options = Struct.newBuilder();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      Object value = namesAndValues[i + 1];
      options.putFields(
          "beam:option:" + namesAndValues[i] + ":v1",
          value instanceof Number number
              ? Value.newBuilder().setNumberValue(number.doubleValue()).build()
              : Value.newBuilder().setStringValue(value.toString()).build());
    }
    return options.build();
  }

  private static void assertSize(int min, int max, int first, Object... namesAndValues) {
    ScalingOptions asked = ScalingOptions.of(options(namesAndValues));
    PoolLimits limits = asked.limits(USUAL, 1, 8);
    assertThat(limits).isEqualTo(new PoolLimits(min, max, 1, 8));
    assertThat(asked.first(limits, USUAL)).isEqualTo(first);
  }

  @Test
  void poolIsOfTheUsualSizeAtMostIfNothingIsSaid() {
    assertSize(1, USUAL, USUAL);
  }

  @Test
  void numbersAreReadAsNumbersAndAsTexts() {
    assertSize(2, 6, 3, "min_num_workers", 2, "num_workers", "3", "max_num_workers", 6.0);
  }

  @Test
  void firstNumberMayBeMoreThanUsual() {
    assertSize(1, 9, 9, "num_workers", 9);
    assertSize(7, 7, 7, "min_num_workers", 7);
  }

  @Test
  void maximumGoesBeforeTheOthers() {
    assertSize(1, 2, 2, "max_num_workers", 2);
    assertSize(2, 2, 2, "min_num_workers", 5, "num_workers", 7, "max_num_workers", 2);
  }

  @Test
  void withoutAnAlgorithmTheNumberStays() {
    assertSize(3, 3, 3, "autoscaling_algorithm", "NONE", "num_workers", 3);
    assertSize(USUAL, USUAL, USUAL, "autoscaling_algorithm", "NONE");
    assertSize(1, USUAL, USUAL, "autoscaling_algorithm", "THROUGHPUT_BASED");
  }

  @Test
  void whatMakesNoSenseIsNotSaid() {
    assertSize(1, USUAL, USUAL, "num_workers", 0, "max_num_workers", -3, "min_num_workers", "two");
  }

  @Test
  void noPoolIsBoundless() {
    assertSize(1, 1000, USUAL, "max_num_workers", "2147483647");
    assertSize(1, 1000, USUAL, "max_num_workers", 1e18);
  }
}
