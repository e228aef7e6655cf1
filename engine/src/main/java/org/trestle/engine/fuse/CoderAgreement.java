package org.trestle.engine.fuse;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.PipelineEditor;
import org.trestle.engine.graph.PipelineGraph;
import org.trestle.engine.graph.TransformKinds;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Makes the bytes that go into a GroupByKey or a redistribution mean the same when they come out.
 * Coders belong to PCollections, so the two sides can differ; then an SDK step is put in that reads
 * with one coder and writes with the other.
 *
 * <p>Also gives windowing strategies their wire window coders, and impulses the coder of bytes.
 */
final class CoderAgreement {
  private final PipelineGraph graph;
  private final PipelineEditor editor;
  private final WireCoderTable coders;

  private CoderAgreement(Pipeline pipeline) {
    this.graph = PipelineGraph.of(pipeline);
    this.editor = new PipelineEditor(pipeline);
    this.coders = new WireCoderTable(editor.components());
  }

  static Pipeline apply(Pipeline pipeline) {
    CoderAgreement agreement = new CoderAgreement(pipeline);
    agreement.rewriteWindowCoders();
    for (TransformNode node : agreement.graph.transforms()) {
      agreement.rewrite(node);
    }
    return agreement.editor.build();
  }

  private void rewriteWindowCoders() {
    Set<String> used = new LinkedHashSet<>();
    for (TransformNode node : graph.transforms()) {
      for (Map<String, PCollectionId> side :
          List.of(node.mainInputs(), node.sideInputs(), node.outputs())) {
        side.values().forEach(id -> used.add(graph.pcollection(id).getWindowingStrategyId()));
      }
    }
    Components.Builder components = editor.components();
    for (String id : used) {
      WindowingStrategy strategy = components.getWindowingStrategiesOrThrow(id);
      components.putWindowingStrategies(
          id,
          strategy.toBuilder()
              .setWindowCoderId(coders.wireWindow(strategy.getWindowCoderId()))
              .build());
    }
  }

  private void rewrite(TransformNode node) {
    if (node.urn().equals(Transforms.IMPULSE)) {
      PCollectionId output = node.output();
      editor
          .components()
          .putPcollections(
              output.value(),
              graph.pcollection(output).toBuilder().setCoderId(coders.of(Coders.BYTES)).build());
      editor.put(node.id().value(), node.proto());
    } else if (node.urn().equals(Transforms.GROUP_BY_KEY)) {
      grouping(node);
    } else if (TransformKinds.redistributes(node.urn())) {
      redistribution(node);
    } else if (node.urn().equals(Transforms.TEST_STREAM)) {
      testStream(node);
    } else {
      editor.put(node.id().value(), node.proto());
    }
  }

  private void grouping(TransformNode node) {
    PCollectionId input = node.mainInput();
    PCollectionId output = node.output();
    String in = graph.pcollection(input).getCoderId();
    String out = graph.pcollection(output).getCoderId();
    String outKey = coders.component(out, Coders.KV, 0);
    String outValues = coders.component(out, Coders.KV, 1);
    String outValue = outValues == null ? null : coders.component(outValues, Coders.ITERABLE, 0);
    String inKey = coders.component(in, Coders.KV, 0);
    String inValue = coders.component(in, Coders.KV, 1);
    if (outKey != null && outValue != null) {
      boolean same =
          inKey != null
              && inValue != null
              && coders.wire(inKey).equals(coders.wire(outKey))
              && coders.wire(inValue).equals(coders.wire(outValue));
      PCollectionId from =
          same ? input : transcodeInput(node, input, coders.of(Coders.KV, outKey, outValue));
      putBetween(node, from, output);
    } else if (inKey != null && inValue != null) {
      String grouped = coders.of(Coders.KV, inKey, coders.of(Coders.ITERABLE, inValue));
      PCollectionId raw = copy(output, grouped, node.id() + "_Grouped");
      putBetween(node, input, raw);
      addTranscode(editor, node, raw, output, environmentNear(graph, input, output));
    } else {
      throw new InvalidPipelineException(
          List.of(
              ("GroupByKey \"%s\" needs key-value pairs, but its input PCollection \"%s\" has the"
                      + " coder \"%s\" of %s")
                  .formatted(node.name(), input, in, coders.coder(in).getSpec().getUrn())));
    }
  }

  /**
   * Elements of a TestStream are encoded as if they stood alone, which only the SDK can read. With
   * a length before each they can be written, and an SDK step reads them.
   */
  private void testStream(TransformNode node) {
    String named = testStreamPayload(node).getCoderId();
    PTransform.Builder raw = node.proto().toBuilder();
    node.outputs()
        .forEach(
            (tag, output) -> {
              String coderId =
                  editor.components().containsCoders(named)
                      ? named
                      : graph.pcollection(output).getCoderId();
              PCollectionId elements =
                  copy(output, coders.of(Coders.LENGTH_PREFIX, coderId), node.id() + "_Elements");
              raw.putOutputs(tag, elements.value());
              addTranscode(editor, node, elements, output, environmentNear(graph, output, output));
            });
    editor.put(node.id().value(), raw.build());
  }

  static TestStreamPayload testStreamPayload(TransformNode node) {
    try {
      return TestStreamPayload.parseFrom(node.proto().getSpec().getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw new InvalidPipelineException(
          List.of(
              "TestStream \"%s\" has a payload that does not parse: %s"
                  .formatted(node.name(), e.getMessage())));
    }
  }

  private void redistribution(TransformNode node) {
    PCollectionId input = node.mainInput();
    PCollectionId output = node.output();
    String in = graph.pcollection(input).getCoderId();
    String out = graph.pcollection(output).getCoderId();
    boolean same = coders.wire(in).equals(coders.wire(out));
    putBetween(node, same ? input : transcodeInput(node, input, out), output);
  }

  private PCollectionId transcodeInput(TransformNode node, PCollectionId input, String coderId) {
    PCollectionId transcoded = copy(input, coderId, node.id() + "_Transcoded");
    addTranscode(editor, node, input, transcoded, environmentNear(graph, input, node.output()));
    return transcoded;
  }

  private PCollectionId copy(PCollectionId original, String coderId, String proposedId) {
    PCollection copy = graph.pcollection(original).toBuilder().setCoderId(coderId).build();
    return new PCollectionId(editor.addPCollection(proposedId, copy));
  }

  private void putBetween(TransformNode node, PCollectionId input, PCollectionId output) {
    editor.put(
        node.id().value(),
        node.proto().toBuilder()
            .putInputs(node.mainInputs().firstKey(), input.value())
            .putOutputs(node.outputs().firstKey(), output.value())
            .build());
  }

  private static void addTranscode(
      PipelineEditor editor,
      TransformNode node,
      PCollectionId from,
      PCollectionId to,
      String environmentId) {
    editor.add(
        node.id() + "_Transcode", transcode(node.name() + "/Transcode", from, to, environmentId));
  }

  /** An SDK step that changes nothing but the coder. */
  static PTransform transcode(
      String name, PCollectionId from, PCollectionId to, String environmentId) {
    return PTransform.newBuilder()
        .setUniqueName(name)
        .setSpec(FunctionSpec.newBuilder().setUrn(Transforms.FLATTEN))
        .putInputs("i0", from.value())
        .putOutputs("i0", to.value())
        .setEnvironmentId(environmentId)
        .build();
  }

  /**
   * Finds an environment that knows a PCollection's coder: that of the nearest transform before it,
   * or else of the nearest one after {@code output}.
   */
  static String environmentNear(PipelineGraph graph, PCollectionId input, PCollectionId output) {
    String before = nearest(graph, input, false);
    String found = before != null ? before : nearest(graph, output, true);
    if (found == null) {
      throw new InvalidPipelineException(
          List.of(
              "PCollection \"%s\" must change its coder, but no environment is near that could"
                  .formatted(input)));
    }
    return found;
  }

  private static @Nullable String nearest(
      PipelineGraph graph, PCollectionId start, boolean downstream) {
    Deque<PCollectionId> open = new ArrayDeque<>(List.of(start));
    Set<PCollectionId> seen = new HashSet<>();
    while (!open.isEmpty()) {
      PCollectionId id = open.remove();
      if (!seen.add(id)) {
        continue;
      }
      List<TransformNode> neighbours = new ArrayList<>();
      if (downstream) {
        neighbours.addAll(graph.consumers(id));
      } else {
        TransformNode producer = graph.producer(id);
        if (producer != null) {
          neighbours.add(producer);
        }
      }
      for (TransformNode neighbour : neighbours) {
        if (!neighbour.environmentId().isEmpty()) {
          return neighbour.environmentId();
        }
        open.addAll((downstream ? neighbour.outputs() : neighbour.mainInputs()).values());
      }
    }
    return null;
  }
}
