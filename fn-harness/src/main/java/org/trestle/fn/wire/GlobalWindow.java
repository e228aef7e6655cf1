package org.trestle.fn.wire;

import org.apache.beam.model.pipeline.v1.RunnerApi.BeamConstants;
import org.trestle.proto.Urns;

/** The global window: encoded as no bytes. */
public final class GlobalWindow {
  /** Its last moment, in milliseconds since the epoch. */
  public static final long MAX_TIMESTAMP =
      Long.parseLong(Urns.constant(BeamConstants.Constants.GLOBAL_WINDOW_MAX_TIMESTAMP_MILLIS));

  private GlobalWindow() {}
}
