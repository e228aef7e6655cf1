package org.trestle.engine.fuse;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformNode;

/** A stage while transforms are still being added to it. */
final class StageDraft {
  /** Position among all drafts, in the order they were begun. */
  final int index;

  /** Empty for a grouping. */
  final String environmentId;

  final PCollectionId source;
  final List<TransformNode> transforms = new ArrayList<>();

  /** Indexes of all drafts whose output this one needs, directly or not. */
  final BitSet ancestors = new BitSet();

  StageDraft(int index, String environmentId, PCollectionId source) {
    this.index = index;
    this.environmentId = environmentId;
    this.source = source;
  }

  boolean inSdk() {
    return !environmentId.isEmpty();
  }
}
