package org.trestle.job.command;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;

/** The metrics a pipeline's author defined, as text. */
final class UserMetrics {
  private static final String URN_START = "beam:metric:user:";

  private static final int MOST_STRINGS = 5;

  private UserMetrics() {}

  /**
   * Reads committed values; attempted ones where nothing was committed yet. Kinds that are not read
   * easily as text are left out.
   */
  static Map<String, String> read(MetricResults metrics) {
    Map<String, String> found = new TreeMap<>();
    for (List<MonitoringInfo> infos :
        List.of(metrics.getCommittedList(), metrics.getAttemptedList())) {
      for (MonitoringInfo info : infos) {
        if (info.getUrn().startsWith(URN_START)) {
          String value = value(info);
          if (!value.isEmpty()) {
            found.putIfAbsent(name(info.getLabelsMap()), value);
          }
        }
      }
    }
    return found;
  }

  private static String name(Map<String, String> labels) {
    String transform = labels.getOrDefault("PTRANSFORM", "");
    return labels.getOrDefault("NAMESPACE", "")
        + ":"
        + labels.getOrDefault("NAME", "")
        + (transform.isEmpty() ? "" : " in " + transform);
  }

  private static String value(MonitoringInfo info) {
    ByteString payload = info.getPayload();
    CodedInputStream in = payload.newCodedInput();
    try {
      return switch (info.getType()) {
        case "beam:metrics:sum_int64:v1" -> Texts.count(in.readInt64());
        case "beam:metrics:distribution_int64:v1" -> {
          long count = in.readInt64();
          long sum = in.readInt64();
          yield "count "
              + Texts.count(count)
              + ", sum "
              + Texts.count(sum)
              + ", min "
              + Texts.count(in.readInt64())
              + ", max "
              + Texts.count(in.readInt64());
        }
        case "beam:metrics:sum_double:v1" ->
            Double.toString(payload.asReadOnlyByteBuffer().getDouble());
        case "beam:metrics:latest_int64:v1" -> {
          in.readInt64(); // when it was seen
          yield Texts.count(in.readInt64());
        }
        case "beam:metrics:set_string:v1" -> {
          int count = payload.asReadOnlyByteBuffer().getInt();
          in.skipRawBytes(4);
          StringJoiner strings = new StringJoiner(", ");
          for (int i = 0; i < Math.min(count, MOST_STRINGS); i++) {
            strings.add(in.readStringRequireUtf8());
          }
          yield strings + (count > MOST_STRINGS ? ", … (" + count + " in all)" : "");
        }
        default -> "";
      };
    } catch (IOException | java.nio.BufferUnderflowException e) {
      return "unreadable (" + info.getType() + ")";
    }
  }
}
