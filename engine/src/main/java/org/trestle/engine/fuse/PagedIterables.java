package org.trestle.engine.fuse;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Finds the outputs of GroupByKeys that can cross to their readers as {@code KV<K,
 * StateBackedIterable<V>>}, because all of these are SDKs that know it. The values of large groups
 * can then be read from state instead of being in the element.
 *
 * <p>Not where a runner's stage or a side input reads the groups, or a stage that reads other
 * PCollections as well: they hold the elements longer, or need the values themselves.
 */
final class PagedIterables {
  private final Fuser fusion;
  private final Components.Builder components;
  private final WireCoderTable coders;

  PagedIterables(Fuser fusion, Components.Builder components, WireCoderTable coders) {
    this.fusion = fusion;
    this.components = components;
    this.coders = coders;
  }

  /** The wire coders of these PCollections, when the fusion is finished. */
  Map<PCollectionId, String> wireCoders() {
    Map<PCollectionId, String> wireCoders = new HashMap<>();
    Set<PCollectionId> whole = readWhole();
    for (StageDraft draft : fusion.drafts()) {
      TransformNode first = draft.transforms.get(0);
      if (!draft.inSdk() && first.urn().equals(Transforms.GROUP_BY_KEY)) {
        PCollectionId groups = first.output();
        String paged = whole.contains(groups) ? null : pagedCoder(groups);
        if (paged != null) {
          wireCoders.put(groups, paged);
        }
      }
    }
    return wireCoders;
  }

  /** PCollections of which some reader needs whole elements. */
  private Set<PCollectionId> readWhole() {
    Set<PCollectionId> whole = new HashSet<>();
    for (StageDraft draft : fusion.drafts()) {
      for (PCollectionId edge : fusion.resolve(draft.source)) {
        if (!edge.equals(draft.source) || !knowsPaging(draft)) {
          whole.add(edge);
        }
      }
      for (TransformNode node : draft.transforms) {
        node.sideInputs().values().forEach(input -> whole.addAll(fusion.resolve(input)));
      }
    }
    return whole;
  }

  private boolean knowsPaging(StageDraft draft) {
    return draft.inSdk()
        && components
            .getEnvironmentsOrThrow(draft.environmentId)
            .getCapabilitiesList()
            .contains(Coders.STATE_BACKED_ITERABLE);
  }

  private @Nullable String pagedCoder(PCollectionId groups) {
    String coder = coders.wire(components.getPcollectionsOrThrow(groups.value()).getCoderId());
    String key = coders.component(coder, Coders.KV, 0);
    String values = coders.component(coder, Coders.KV, 1);
    String value = values == null ? null : coders.component(values, Coders.ITERABLE, 0);
    return key == null || value == null
        ? null
        : coders.of(Coders.KV, key, coders.of(Coders.STATE_BACKED_ITERABLE, value));
  }
}
