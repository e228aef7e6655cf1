package org.trestle.engine.fuse;

import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.TransformId;

/**
 * A state cell of a stateful ParDo.
 *
 * @param stateId the transform's own name of the state, as in state requests
 * @param spec as the SDK declared it; its coders are the SDK's own
 * @param keyCoderId wire coder of the keys: part of the key-value coder of the stage's input
 * @param windowCoderId wire coder of the windows
 * @param valueCoderId wire coder of a multimap's values, which the descriptor has the SDK write
 *     them by; null for other states
 */
public record UserState(
    TransformId transform,
    String stateId,
    StateSpec spec,
    String keyCoderId,
    String windowCoderId,
    @Nullable String valueCoderId) {}
