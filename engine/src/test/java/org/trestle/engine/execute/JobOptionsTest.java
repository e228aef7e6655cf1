package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class JobOptionsTest {
  private static Struct experiments(String... names) {
    ListValue.Builder list = ListValue.newBuilder();
    Arrays.stream(names)
        .forEach(name -> list.addValues(Value.newBuilder().setStringValue(name).build()));
    return Struct.newBuilder()
        .putFields(
            "beam:option:experiments:v1", Value.newBuilder().setListValue(list.build()).build())
        .build();
  }

  @Test
  void aJobDrainsAtItsStartIfTheExperimentSaysSo() {
    assertThat(JobOptions.from(experiments("beam_fn_api", "drain_at_start")).drainAtStart())
        .isTrue();
  }

  @Test
  void aJobDoesNotDrainByItself() {
    assertThat(JobOptions.from(Struct.getDefaultInstance()).drainAtStart()).isFalse();
    assertThat(JobOptions.from(experiments("drain")).drainAtStart()).isFalse();
  }

  @Test
  void optionsOfAnotherTypeAreLeftAlone() {
    Struct text =
        Struct.newBuilder()
            .putFields(
                "beam:option:experiments:v1",
                Value.newBuilder().setStringValue("drain_at_start").build())
            .build();

    assertThat(JobOptions.from(text).drainAtStart()).isFalse();
  }
}
