package org.trestle.engine.execute;

import java.util.Collection;
import java.util.OptionalLong;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WireFormatException;
import org.trestle.proto.Urns;

/** How far a harness is in the input of a bundle. */
final class ReadIndex {
  private static final String URN = Urns.of(MonitoringInfoSpecs.Enum.DATA_CHANNEL_READ_INDEX);

  private ReadIndex() {}

  /** Which element of its input a bundle was at when it told this, from 0; if it said so. */
  static OptionalLong of(Collection<MonitoringInfo> told) {
    for (MonitoringInfo info : told) {
      if (info.getUrn().equals(URN)) {
        return decoded(info.getPayload().toByteArray());
      }
    }
    return OptionalLong.empty();
  }

  private static OptionalLong decoded(byte[] payload) {
    try {
      return OptionalLong.of(VarInts.decode(payload, 0, payload.length));
    } catch (WireFormatException malformed) {
      return OptionalLong.empty();
    }
  }
}
