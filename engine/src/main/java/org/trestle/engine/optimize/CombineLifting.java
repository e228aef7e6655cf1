package org.trestle.engine.optimize;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.CombinePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.Trigger;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Moves part of each combine before its grouping:
 *
 * <pre>{@code
 * KV<K, V> -> precombine -> KV<K, A> -> group by key -> KV<K, Iterable<A>>
 *          -> merge accumulators -> KV<K, A> -> extract outputs -> KV<K, O>
 * }</pre>
 *
 * <p>A trigger that counts elements must see them all, so a combine under it is not lifted: it is
 * grouped as it is and combined after that.
 */
final class CombineLifting {
  private CombineLifting() {}

  static Pipeline apply(Pipeline pipeline) {
    PipelineEditor editor = new PipelineEditor(pipeline);
    for (Map.Entry<String, PTransform> leaf : PipelineEditor.leavesOf(pipeline).entrySet()) {
      String id = leaf.getKey();
      PTransform transform = leaf.getValue();
      if (!transform.getSpec().getUrn().equals(Transforms.COMBINE_PER_KEY)) {
        editor.put(id, transform);
      } else if (liftable(transform, pipeline.getComponents())) {
        lift(editor, id, transform);
      } else {
        groupThenCombine(editor, id, transform);
      }
    }
    return editor.build();
  }

  /** Whether a combine may be lifted. */
  static boolean liftable(PTransform transform, Components components) {
    Coder coder = inputCoder(transform, components);
    CombinePayload payload = payload(transform);
    return coder != null
        && coder.getSpec().getUrn().equals(Coders.KV)
        && coder.getComponentCoderIdsCount() == 2
        && transform.getOutputsCount() == 1
        && payload != null
        && components.containsCoders(payload.getAccumulatorCoderId())
        && seesNoElements(
            components
                .getWindowingStrategiesOrDefault(
                    input(transform, components).getWindowingStrategyId(),
                    org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy
                        .getDefaultInstance())
                .getTrigger());
  }

  private static @Nullable Coder inputCoder(PTransform transform, Components components) {
    if (transform.getInputsCount() != 1) {
      return null;
    }
    return components.getCodersMap().get(input(transform, components).getCoderId());
  }

  private static PCollection input(PTransform transform, Components components) {
    String id = transform.getInputsMap().values().iterator().next();
    return components.getPcollectionsOrDefault(id, PCollection.getDefaultInstance());
  }

  private static @Nullable CombinePayload payload(PTransform transform) {
    try {
      return CombinePayload.parseFrom(transform.getSpec().getPayload());
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  /** Whether the trigger would fire the same if several elements came as one. */
  private static boolean seesNoElements(Trigger trigger) {
    return switch (trigger.getTriggerCase()) {
      case DEFAULT,
          NEVER,
          AFTER_PROCESSING_TIME,
          AFTER_SYNCHRONIZED_PROCESSING_TIME,
          TRIGGER_NOT_SET ->
          true;
      case ALWAYS, ELEMENT_COUNT -> false;
      case AFTER_END_OF_WINDOW ->
          seesNoElements(trigger.getAfterEndOfWindow().getEarlyFirings())
              && seesNoElements(trigger.getAfterEndOfWindow().getLateFirings());
      case AFTER_ANY ->
          trigger.getAfterAny().getSubtriggersList().stream()
              .allMatch(CombineLifting::seesNoElements);
      case AFTER_ALL ->
          trigger.getAfterAll().getSubtriggersList().stream()
              .allMatch(CombineLifting::seesNoElements);
      case AFTER_EACH ->
          trigger.getAfterEach().getSubtriggersList().stream()
              .allMatch(CombineLifting::seesNoElements);
      case OR_FINALLY ->
          seesNoElements(trigger.getOrFinally().getMain())
              && seesNoElements(trigger.getOrFinally().getFinally());
      case REPEAT -> seesNoElements(trigger.getRepeat().getSubtrigger());
    };
  }

  private static void lift(PipelineEditor editor, String id, PTransform transform) {
    Components.Builder components = editor.components();
    String inputId = transform.getInputsMap().values().iterator().next();
    PCollection input = components.getPcollectionsOrThrow(inputId);
    String key = components.getCodersOrThrow(input.getCoderId()).getComponentCoderIds(0);
    CombinePayload payload = payload(transform);
    String accumulator = payload == null ? "" : payload.getAccumulatorCoderId();
    String keyed = editor.coder(Coders.KV, key, accumulator);
    String grouped = editor.coder(Coders.KV, key, editor.coder(Coders.ITERABLE, accumulator));

    String precombinedId = derived(editor, id, transform, input, "Precombine", keyed);
    String groupedId = derived(editor, id, transform, input, "Group", grouped);
    String mergedId = derived(editor, id, transform, input, "Merge", keyed);
    addPart(
        editor,
        id,
        transform,
        "Precombine",
        Transforms.COMBINE_PER_KEY_PRECOMBINE,
        transform.getInputsMap(),
        Map.of("out", precombinedId));
    addGrouping(editor, id, transform, precombinedId, groupedId);
    addPart(
        editor,
        id,
        transform,
        "Merge",
        Transforms.COMBINE_PER_KEY_MERGE_ACCUMULATORS,
        Map.of("in", groupedId),
        Map.of("out", mergedId));
    addPart(
        editor,
        id,
        transform,
        "ExtractOutputs",
        Transforms.COMBINE_PER_KEY_EXTRACT_OUTPUTS,
        Map.of("in", mergedId),
        transform.getOutputsMap());
  }

  private static void groupThenCombine(PipelineEditor editor, String id, PTransform transform) {
    Components.Builder components = editor.components();
    String inputId = transform.getInputsMap().values().iterator().next();
    PCollection input = components.getPcollectionsOrThrow(inputId);
    Coder coder = components.getCodersOrThrow(input.getCoderId());
    String grouped =
        editor.coder(
            Coders.KV,
            coder.getComponentCoderIds(0),
            editor.coder(Coders.ITERABLE, coder.getComponentCoderIds(1)));
    String groupedId = derived(editor, id, transform, input, "Group", grouped);
    addGrouping(editor, id, transform, inputId, groupedId);
    addPart(
        editor,
        id,
        transform,
        "CombineGroupedValues",
        Transforms.COMBINE_GROUPED_VALUES,
        Map.of("in", groupedId),
        transform.getOutputsMap());
  }

  private static String derived(
      PipelineEditor editor,
      String id,
      PTransform transform,
      PCollection like,
      String part,
      String coderId) {
    return editor.addPCollection(
        id + "_" + part,
        like.toBuilder()
            .setUniqueName(transform.getUniqueName() + "/" + part + ".out")
            .setCoderId(coderId)
            .clearDisplayData()
            .build());
  }

  private static void addGrouping(
      PipelineEditor editor, String id, PTransform transform, String from, String to) {
    editor.add(
        id + "_Group",
        PTransform.newBuilder()
            .setUniqueName(transform.getUniqueName() + "/Group")
            .setSpec(FunctionSpec.newBuilder().setUrn(Transforms.GROUP_BY_KEY))
            .putInputs("in", from)
            .putOutputs("out", to)
            .build());
  }

  private static void addPart(
      PipelineEditor editor,
      String id,
      PTransform transform,
      String part,
      String urn,
      Map<String, String> inputs,
      Map<String, String> outputs) {
    editor.add(
        id + "_" + part,
        transform.toBuilder()
            .setUniqueName(transform.getUniqueName() + "/" + part)
            .setSpec(transform.getSpec().toBuilder().setUrn(urn))
            .clearInputs()
            .putAllInputs(inputs)
            .clearOutputs()
            .putAllOutputs(outputs)
            .build());
  }
}
