package org.trestle.engine.fuse;

import java.util.HashSet;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Gives the outputs of GroupByKeys the coder {@code KV<K, StateBackedIterable<V>>} where all that
 * read them are SDKs that know it. The values of large groups can then be read from state instead
 * of being in the element.
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

  /** Changes the coders of the PCollections. To be called once, when the fusion is finished. */
  void apply() {
    Set<PCollectionId> whole = readWhole();
    for (StageDraft draft : fusion.drafts()) {
      TransformNode first = draft.transforms.get(0);
      if (!draft.inSdk() && first.urn().equals(Transforms.GROUP_BY_KEY)) {
        PCollectionId groups = first.output();
        String paged = whole.contains(groups) ? null : pagedCoder(groups);
        if (paged != null) {
          PCollection pcollection = components.getPcollectionsOrThrow(groups.value());
          components.putPcollections(
              groups.value(), pcollection.toBuilder().setCoderId(paged).build());
        }
      }
    }
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
    String coder = components.getPcollectionsOrThrow(groups.value()).getCoderId();
    String key = coders.component(coder, Coders.KV, 0);
    String values = coders.component(coder, Coders.KV, 1);
    String value = values == null ? null : coders.component(values, Coders.ITERABLE, 0);
    return key == null || value == null
        ? null
        : coders.of(Coders.KV, key, coders.of(Coders.STATE_BACKED_ITERABLE, value));
  }
}
