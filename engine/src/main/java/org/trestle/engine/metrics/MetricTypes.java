package org.trestle.engine.metrics;

import java.util.HashMap;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.MetricsApi;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoTypeUrns;
import org.apache.beam.model.pipeline.v1.RunnerApi;

/** The metric types of the Beam model, with URNs as the protos give them. */
final class MetricTypes {
  private static final Aggregation<?> UNKNOWN = new Latest.Reported();
  private static final Map<String, Aggregation<?>> BY_URN = byUrn();
  private static final Map<String, String> TYPE_OF_METRIC = typeOfMetric();

  private MetricTypes() {}

  /** Returns the aggregation of a type; for an unknown type, the one that keeps the last report. */
  static Aggregation<?> aggregation(String typeUrn) {
    return BY_URN.getOrDefault(typeUrn, UNKNOWN);
  }

  /** Returns the type that the Beam model gives to a metric, or "" for one it does not know. */
  static String typeOf(String metricUrn) {
    return TYPE_OF_METRIC.getOrDefault(metricUrn, "");
  }

  private static Map<String, Aggregation<?>> byUrn() {
    Map<String, Aggregation<?>> aggregations = new HashMap<>();
    for (MonitoringInfoTypeUrns.Enum type : MonitoringInfoTypeUrns.Enum.values()) {
      if (type != MonitoringInfoTypeUrns.Enum.UNRECOGNIZED) {
        String urn = type.getValueDescriptor().getOptions().getExtension(RunnerApi.beamUrn);
        aggregations.put(urn, of(type));
      }
    }
    return aggregations;
  }

  private static Aggregation<?> of(MonitoringInfoTypeUrns.Enum type) {
    return switch (type) {
      case SUM_INT64_TYPE -> new Sums.OfLong();
      case SUM_DOUBLE_TYPE -> new Sums.OfDouble();
      case DISTRIBUTION_INT64_TYPE -> new Distributions.OfLong();
      case DISTRIBUTION_DOUBLE_TYPE -> new Distributions.OfDouble();
      case LATEST_INT64_TYPE -> new Latest.OfLong();
      case LATEST_DOUBLE_TYPE -> new Latest.OfDouble();
      case TOP_N_INT64_TYPE -> Extremes.greatestLongs();
      case TOP_N_DOUBLE_TYPE -> Extremes.greatestDoubles();
      case BOTTOM_N_INT64_TYPE -> Extremes.leastLongs();
      case BOTTOM_N_DOUBLE_TYPE -> Extremes.leastDoubles();
      case PROGRESS_TYPE -> new Latest.Progress();
      case SET_STRING_TYPE -> new StringSets();
      case BOUNDED_TRIE_TYPE -> new BoundedTries();
      case HISTOGRAM -> new Histograms();
      case UNRECOGNIZED -> UNKNOWN;
    };
  }

  private static Map<String, String> typeOfMetric() {
    Map<String, String> types = new HashMap<>();
    for (MonitoringInfoSpecs.Enum metric : MonitoringInfoSpecs.Enum.values()) {
      if (metric != MonitoringInfoSpecs.Enum.UNRECOGNIZED) {
        var spec =
            metric.getValueDescriptor().getOptions().getExtension(MetricsApi.monitoringInfoSpec);
        types.put(spec.getUrn(), spec.getType());
      }
    }
    return types;
  }
}
