package org.trestle.engine.execute;

import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoTypeUrns;
import org.trestle.fn.wire.ByteSink;
import org.trestle.proto.Urns;

/**
 * Metrics of elements that the runner drops, under the names that users know from Beam's runners.
 */
final class DroppedElements {
  private static final String STATEFUL = "org.apache.beam.runners.core.StatefulDoFnRunner";
  private static final String GROUPING = "org.apache.beam.runners.core.LateDataDroppingDoFnRunner";
  private static final String TRIGGERED = "org.apache.beam.runners.core.ReduceFnRunner";

  private DroppedElements() {}

  /** Elements of a stateful transform whose windows had expired. */
  static MonitoringInfo ofState(String transformId, long count) {
    return counter(transformId, STATEFUL, "droppedDueToLateness", count);
  }

  /** Elements of a grouping whose windows had expired. */
  static MonitoringInfo late(String transformId, long count) {
    return counter(transformId, GROUPING, "droppedDueToLateness", count);
  }

  /** Elements of a grouping for windows whose trigger had finished. */
  static MonitoringInfo closed(String transformId, long count) {
    return counter(transformId, TRIGGERED, "droppedDueToClosedWindow", count);
  }

  private static MonitoringInfo counter(
      String transformId, String namespace, String name, long count) {
    return MonitoringInfo.newBuilder()
        .setUrn(Urns.of(MonitoringInfoSpecs.Enum.USER_SUM_INT64))
        .setType(Urns.of(MonitoringInfoTypeUrns.Enum.SUM_INT64_TYPE))
        .putLabels("PTRANSFORM", transformId)
        .putLabels("NAMESPACE", namespace)
        .putLabels("NAME", name)
        .setPayload(new ByteSink().putVarInt(count).toByteString())
        .build();
  }
}
