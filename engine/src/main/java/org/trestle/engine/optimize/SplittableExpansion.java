package org.trestle.engine.optimize;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.engine.graph.TransformId;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Expands each splittable ParDo into its three steps:
 *
 * <pre>{@code
 * E -> pair with restriction -> KV<E, R> -> split and size -> KV<KV<E, R>, double>
 *   -> process sized elements and restrictions -> the outputs
 * }</pre>
 *
 * where the coder of R (restriction and watermark estimator state) is the one the payload names.
 */
final class SplittableExpansion {
  private SplittableExpansion() {}

  static Pipeline apply(Pipeline pipeline) {
    PipelineEditor editor = new PipelineEditor(pipeline);
    for (Map.Entry<String, PTransform> leaf : PipelineEditor.leavesOf(pipeline).entrySet()) {
      TransformNode node = TransformNode.of(leaf.getKey(), leaf.getValue());
      if (node.urn().equals(Transforms.PAR_DO)
          && node.parDo() != null
          && !node.parDo().getRestrictionCoderId().isEmpty()) {
        expand(editor, node, node.parDo().getRestrictionCoderId());
      } else {
        editor.put(leaf.getKey(), leaf.getValue());
      }
    }
    return editor.build();
  }

  private static void expand(PipelineEditor editor, TransformNode node, String restrictionCoder) {
    PCollection input = editor.components().getPcollectionsOrThrow(node.mainInput().value());
    String paired = editor.coder(Coders.KV, input.getCoderId(), restrictionCoder);
    String sized = editor.coder(Coders.KV, paired, editor.coder(Coders.DOUBLE));
    String pairedId = derived(editor, node, input, "PairWithRestriction", paired);
    String sizedId = derived(editor, node, input, "SplitAndSizeRestrictions", sized);
    PTransform whole = node.proto();
    editor.add(
        node.id() + "_PairWithRestriction",
        part(whole, "PairWithRestriction", Transforms.PAIR_WITH_RESTRICTION)
            .clearOutputs()
            .putOutputs("out", pairedId)
            .build());
    editor.add(
        node.id() + "_SplitAndSizeRestrictions",
        part(whole, "SplitAndSizeRestrictions", Transforms.SPLIT_AND_SIZE_RESTRICTIONS)
            .putAllInputs(withMainInput(node, pairedId))
            .clearOutputs()
            .putOutputs("out", sizedId)
            .build());
    editor.add(
        node.id() + "_Process",
        part(whole, "Process", Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS)
            .putAllInputs(withMainInput(node, sizedId))
            .build());
  }

  private static PTransform.Builder part(PTransform whole, String part, String urn) {
    return whole.toBuilder()
        .setUniqueName(whole.getUniqueName() + "/" + part)
        .setSpec(whole.getSpec().toBuilder().setUrn(urn));
  }

  private static Map<String, String> withMainInput(TransformNode node, String pcollectionId) {
    Map<String, String> inputs = new LinkedHashMap<>(node.proto().getInputsMap());
    inputs.put(node.mainInputs().firstKey(), pcollectionId);
    return inputs;
  }

  private static String derived(
      PipelineEditor editor, TransformNode node, PCollection like, String part, String coderId) {
    TransformId id = node.id();
    return editor.addPCollection(
        id + "_" + part,
        like.toBuilder()
            .setUniqueName(node.name() + "/" + part + ".out")
            .setCoderId(coderId)
            .clearDisplayData()
            .build());
  }
}
