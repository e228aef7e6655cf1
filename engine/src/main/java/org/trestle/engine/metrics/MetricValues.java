package org.trestle.engine.metrics;

import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;

/** Reads the values of single metrics. */
public final class MetricValues {
  private MetricValues() {}

  /** The value of a sum of integers; 0 if its payload is malformed. */
  public static long sum(MonitoringInfo info) {
    try {
      return new Sums.OfLong().decode(info.getPayload());
    } catch (MalformedPayloadException malformed) {
      return 0;
    }
  }
}
