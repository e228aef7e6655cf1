package org.trestle.engine.fuse;

import java.util.List;
import org.trestle.engine.graph.PCollectionId;

/** A unit of execution: reads edges, writes edges. */
public sealed interface Stage permits SdkStage, GroupByKeyStage, SortByTimeStage {

  /** Unique in the pipeline, stable between plans of the same pipeline, readable. */
  String id();

  /**
   * The edges whose elements together are the stage's main input, all of the same wire coder and
   * window coder. Never empty; an edge listed twice is read twice.
   */
  List<PCollectionId> inputs();

  /** The edges that the stage writes, each once. */
  List<PCollectionId> outputs();
}
