package org.trestle.engine.fuse;

import org.apache.beam.model.pipeline.v1.RunnerApi.TimeDomain;
import org.trestle.engine.graph.TransformId;

/**
 * A timer family of a ParDo.
 *
 * @param familyId the transform's own name of the family, as on the data channel
 * @param domain the clock of the family
 * @param timerCoderId {@code beam:coder:timer:v1} over key and window coder: the format on the data
 *     channel
 * @param keyCoderId wire coder of the keys
 * @param windowCoderId wire coder of the windows
 * @param onWindowExpiration whether the runner must set the family's timer for each key and window
 *     that had elements, to fire in event time when the window expires
 */
public record TimerFamily(
    TransformId transform,
    String familyId,
    TimeDomain.Enum domain,
    String timerCoderId,
    String keyCoderId,
    String windowCoderId,
    boolean onWindowExpiration) {}
