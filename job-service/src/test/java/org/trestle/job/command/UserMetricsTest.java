package org.trestle.job.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.HexFormat;
import java.util.Map;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UserMetricsTest {
  private static MonitoringInfo info(String type, String payload) {
    return MonitoringInfo.newBuilder()
        .setUrn("beam:metric:user:" + type)
        .setType("beam:metrics:" + type)
        .setPayload(ByteString.copyFrom(HexFormat.of().parseHex(payload)))
        .putLabels("NAMESPACE", "shop")
        .putLabels("NAME", "level")
        .putLabels("PTRANSFORM", "count")
        .build();
  }

  private static Map<String, String> read(MonitoringInfo info) {
    return UserMetrics.read(MetricResults.newBuilder().addCommitted(info).build());
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          sum_int64:v1,          e807,                  '1,000'
          distribution_int64:v1, 02050203,              'count 2, sum 5, min 2, max 3'
          latest_int64:v1,       fbd095ffbc312a,        42
          latest_int64:v1,       05ffffffffffffffffff01, -1
          set_string:v1,         000000010161,          a
          """)
  void readsEachKind(String type, String payload, String text) {
    assertThat(read(info(type, payload))).isEqualTo(Map.of("shop:level in count", text));
  }

  @Test
  void saysWhatCannotBeRead() {
    assertThat(read(info("latest_int64:v1", "05")))
        .isEqualTo(Map.of("shop:level in count", "unreadable (beam:metrics:latest_int64:v1)"));
  }
}
