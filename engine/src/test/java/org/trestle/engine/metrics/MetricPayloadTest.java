package org.trestle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.metrics.Metrics.added;
import static org.trestle.engine.metrics.Metrics.hex;
import static org.trestle.engine.metrics.Metrics.metric;

import com.google.protobuf.ByteString;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.beam.model.pipeline.v1.MetricsApi;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoTypeUrns;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes of each type. Those of types that Python sends were written by the Python SDK. */
class MetricPayloadTest {

  @ParameterizedTest(name = "{0}: {1} + {2}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          sum_int64           | ac02                               | 01                                 | ad02
          sum_int64           | ac02                               | ffffffffffffffffff01               | ab02
          sum_int64           | 00                                 | 00                                 | 00
          sum_double          | 3ff8000000000000                   | 4000000000000000                   | 400c000000000000
          distribution_int64  | 0307feffffffffffffffff0108         | 01090909                           | 0410feffffffffffffffff0109
          distribution_int64  | 0307feffffffffffffffff0108         | 00                                 | 0307feffffffffffffffff0108
          distribution_int64  | 00000000                           | 01090909                           | 01090909
          distribution_double | 023ff80000000000003fe00000000000003ff0000000000000 | 00             | 023ff80000000000003fe00000000000003ff0000000000000
          distribution_double | 014000000000000000 4000000000000000 4000000000000000 | 01 bff0000000000000 bff0000000000000 bff0000000000000 | 02 3ff0000000000000 bff0000000000000 4000000000000000
          latest_int64        | f4d395ffbc312a                     | f3d395ffbc3163                     | f4d395ffbc312a
          latest_int64        | 0502                               | 0503                               | 0503
          latest_double       | 053ff0000000000000                 | 06bff0000000000000                 | 06bff0000000000000
          top_n_int64         | 00000002 05 03                     | 00000002 04 01                     | 00000002 05 04
          bottom_n_int64      | 00000002 03 05                     | 00000001 04                        | 00000002 03 04
          bottom_n_int64      | ffffffff 01 03 01 05 00            | 00000001 04                        | 00000002 03 04
          top_n_double        | 00000001 3ff0000000000000          | 00000001 4000000000000000          | 00000001 4000000000000000
          bottom_n_double     | 00000001 3ff0000000000000          | 00000001 4000000000000000          | 00000001 3ff0000000000000
          progress            | 00000001 3ff0000000000000          | 00000000                           | 00000000
          set_string          | 00000003016102c3a90162             | 00000002 0163 0161                 | 00000004 0161 0162 0163 02c3a9
          bounded_trie        | 08641a0267731a01781a0131           | 08641a0267731a01781a0131           | 0864121612140a026773120e120c0a0178120712050a01311200
          bounded_trie        | 0864                               | 0864122412220a026773121c12050a0179120012130a0178120e12050a0131120012050a01321200 | 0864122412220a026773121c12130a0178120e12050a0131120012050a0132120012050a01791200
          histogram_int64     | 080412160a1408041100000000000024401900000000000000001a0402000001 | 080112160a1408041100000000000024401900000000000000001a020001 | 080512160a1408041100000000000024401900000000000000001a0402010001
          unheard_of          | 01                                 | 02                                 | 02
          """)
  void addsTwoPayloads(String type, String first, String second, String sum) {
    String urn = "beam:metrics:" + type + ":v1";
    assertThat(hex(added(urn, hex(first), hex(second)))).isEqualTo(sum.replace(" ", ""));
  }

  @Test
  void hasAnAggregationForEachTypeOfTheModel() {
    Set<Class<?>> aggregations = new HashSet<>();
    Set<String> types = new TreeSet<>();
    for (MonitoringInfoSpecs.Enum spec : MonitoringInfoSpecs.Enum.values()) {
      if (spec != MonitoringInfoSpecs.Enum.UNRECOGNIZED) {
        String type =
            spec.getValueDescriptor()
                .getOptions()
                .getExtension(MetricsApi.monitoringInfoSpec)
                .getType();
        types.add(type);
        aggregations.add(MetricTypes.aggregation(type).getClass());
      }
    }
    assertThat(types).hasSize(14);
    assertThat(aggregations).doesNotContain(Latest.Reported.class);
  }

  @Test
  void takesTheTypeOfTheModelWhereAnInfoHasNone() {
    MonitoringInfo untyped =
        MonitoringInfo.newBuilder()
            .setUrn("beam:metric:element_count:v1")
            .putLabels("PCOLLECTION", "words")
            .setPayload(hex("05"))
            .build();
    MetricsAccumulator metrics = new MetricsAccumulator();
    metrics.add(List.of(untyped, untyped.toBuilder().setType(Metrics.SUM).build()));
    assertThat(metrics.snapshot())
        .singleElement()
        .satisfies(info -> assertThat(hex(info.getPayload())).isEqualTo("0a"))
        .satisfies(info -> assertThat(info.getType()).isEqualTo(Metrics.SUM));
  }

  @Test
  void leavesOutADistributionWithoutValues() {
    MetricsAccumulator metrics = new MetricsAccumulator();
    metrics.add(List.of(metric("beam:metrics:distribution_int64:v1", hex("00"))));
    metrics.add(List.of(metric("beam:metrics:distribution_double:v1", hex("00"))));
    metrics.add(List.of(metric("beam:metrics:bounded_trie:v1", hex("0864"))));
    assertThat(metrics.snapshot()).isEmpty();
    assertThat(metrics.dropped()).isZero();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          sum_int64           | ''
          sum_int64           | 80
          sum_int64           | 0100
          sum_int64           | ffffffffffffffffffffff01
          sum_double          | 3ff80000000000
          distribution_int64  | 0307
          distribution_int64  | 030702080a
          distribution_double | 023ff8000000000000
          latest_int64        | 05
          latest_double       | 053ff0
          top_n_int64         | 7fffffff 05
          top_n_int64         | fffffffe 05
          bottom_n_int64      | ffffffff 01 05
          bottom_n_int64      | ffffffff ffffffffffffffffff01
          top_n_double        | 00000002 3ff0000000000000
          progress            | 00
          set_string          | 00000001 0261
          set_string          | 00000001 02ffff
          bounded_trie        | ffffff
          histogram_int64     | 0a
          """)
  void dropsAMalformedPayload(String type, String payload) {
    String urn = "beam:metrics:" + type + ":v1";
    MetricsAccumulator metrics = new MetricsAccumulator();

    metrics.add(List.of(metric(urn, hex(payload)), Metrics.sum("good", 1)));
    metrics.add(List.of(metric(urn, hex(payload))));

    assertThat(metrics.dropped()).isEqualTo(2);
    assertThat(metrics.snapshot()).containsExactly(Metrics.sum("good", 1));
  }

  @ParameterizedTest
  @MethodSource("types")
  void survivesAnyBytes(String type) {
    Random random = new Random(7);
    MetricsAccumulator metrics = new MetricsAccumulator();
    for (int i = 0; i < 2_000; i++) {
      byte[] bytes = new byte[random.nextInt(20)];
      random.nextBytes(bytes);
      metrics.add(List.of(metric(type, ByteString.copyFrom(bytes))));
    }
    assertThat(metrics.snapshot()).hasSizeLessThanOrEqualTo(1);
  }

  static List<String> types() {
    return Stream.of(MonitoringInfoTypeUrns.Enum.values())
        .filter(type -> type != MonitoringInfoTypeUrns.Enum.UNRECOGNIZED)
        .map(type -> type.getValueDescriptor().getOptions().getExtension(RunnerApi.beamUrn))
        .toList();
  }

  @Test
  void dropsAHistogramWithOtherBuckets() {
    String urn = "beam:metrics:histogram_int64:v1";
    ByteString ofTen = hex("080412160a1408041100000000000024401900000000000000001a0402000001");
    ByteString ofTwenty = hex("080112160a1408041100000000000034401900000000000000001a020001");
    MetricsAccumulator metrics = new MetricsAccumulator();

    metrics.add(List.of(metric(urn, ofTen), metric(urn, ofTwenty)));

    assertThat(metrics.snapshot()).containsExactly(metric(urn, ofTen));
    assertThat(metrics.dropped()).isEqualTo(1);
  }
}
