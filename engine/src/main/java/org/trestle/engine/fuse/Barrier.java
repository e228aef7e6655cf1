package org.trestle.engine.fuse;

import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;

/**
 * A place where a transform was not fused with the producer of its input.
 *
 * @param transform the transform that starts a stage, or an alias that keeps its sides apart
 * @param pcollection the input at which the pipeline is cut
 * @param reason why, as a sentence for people
 */
public record Barrier(TransformId transform, PCollectionId pcollection, String reason) {}
