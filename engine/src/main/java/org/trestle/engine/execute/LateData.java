package org.trestle.engine.execute;

import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoTypeUrns;
import org.trestle.fn.wire.ByteSink;
import org.trestle.proto.Urns;

/** The metric of elements that were dropped because their windows had expired. */
final class LateData {
  /** Where the runners of Beam count them, so that users find it under the name they know. */
  private static final String NAMESPACE = "org.apache.beam.runners.core.StatefulDoFnRunner";

  private static final String NAME = "droppedDueToLateness";

  private LateData() {}

  /** Counts elements of a transform that were dropped. */
  static MonitoringInfo dropped(String transformId, long count) {
    return MonitoringInfo.newBuilder()
        .setUrn(Urns.of(MonitoringInfoSpecs.Enum.USER_SUM_INT64))
        .setType(Urns.of(MonitoringInfoTypeUrns.Enum.SUM_INT64_TYPE))
        .putLabels("PTRANSFORM", transformId)
        .putLabels("NAMESPACE", NAMESPACE)
        .putLabels("NAME", NAME)
        .setPayload(new ByteSink().putVarInt(count).toByteString())
        .build();
  }
}
