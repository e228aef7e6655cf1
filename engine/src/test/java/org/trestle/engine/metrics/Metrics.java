package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;

/** Monitoring infos for tests. */
final class Metrics {
  static final String SUM = "beam:metrics:sum_int64:v1";

  private Metrics() {}

  /** A metric called {@code name} of a transform. */
  static MonitoringInfo metric(String type, String name, ByteString payload) {
    return MonitoringInfo.newBuilder()
        .setUrn(type.replace("beam:metrics:", "beam:metric:user:"))
        .setType(type)
        .putLabels("PTRANSFORM", "transform")
        .putLabels("NAMESPACE", "tests")
        .putLabels("NAME", name)
        .setPayload(payload)
        .build();
  }

  static MonitoringInfo metric(String type, ByteString payload) {
    return metric(type, "metric", payload);
  }

  static MonitoringInfo sum(String name, long value) {
    return metric(SUM, name, varint(value));
  }

  static ByteString varint(long value) {
    return new PayloadWriter().varint(value).payload();
  }

  static ByteString hex(String digits) {
    return ByteString.copyFrom(HexFormat.of().parseHex(digits.replace(" ", "")));
  }

  static String hex(ByteString bytes) {
    return HexFormat.of().formatHex(bytes.toByteArray());
  }

  /** What an accumulator makes of payloads of one metric. */
  static ByteString added(String type, ByteString... payloads) {
    MetricsAccumulator metrics = new MetricsAccumulator();
    Arrays.stream(payloads).forEach(payload -> metrics.add(List.of(metric(type, payload))));
    List<MonitoringInfo> infos = metrics.snapshot();
    if (infos.size() != 1 || metrics.dropped() != 0) {
      throw new AssertionError(infos + ", dropped " + metrics.dropped());
    }
    return infos.get(0).getPayload();
  }
}
