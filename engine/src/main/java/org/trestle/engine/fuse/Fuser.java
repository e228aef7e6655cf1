package org.trestle.engine.fuse;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.PipelineGraph;
import org.trestle.engine.graph.TransformKinds;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * Fuses transforms greedily, in topological order.
 *
 * <p>Each SDK transform joins the stage that produces its main input, unless there is a barrier
 * between them. Behind a barrier, it joins a stage that already reads the same input in the same
 * environment, so that the input is read once, or begins a new stage. Redistributions and flattens
 * across stages are aliases: readers of their output read the edges of their inputs.
 *
 * <p>Stages must not wait for themselves. A transform with side inputs may join a stage S only if
 * no stage that produces one of them is S or comes after S; this is checked on the transitive
 * closure of the stages' dependencies, which is kept as bit sets.
 */
final class Fuser {
  private static final String GO_CUSTOM_CODER = "beam:go:coder:custom:v1";

  private final PipelineGraph graph;
  private final Components.Builder components;
  private final WireCoderTable coders;

  /** Whether side inputs come window by window, not as a whole. */
  private final boolean streaming;

  private final List<StageDraft> drafts = new ArrayList<>();
  private final Map<PCollectionId, StageDraft> producers = new HashMap<>();
  private final Map<PCollectionId, List<StageDraft>> readers = new HashMap<>();
  private final Map<PCollectionId, List<PCollectionId>> aliases = new HashMap<>();
  private final Map<PCollectionId, String> aliasReasons = new HashMap<>();
  private final Set<PCollectionId> impulses = new LinkedHashSet<>();
  private final List<TestStream> testStreams = new ArrayList<>();
  private final Set<PCollectionId> edges = new LinkedHashSet<>();
  private final List<Barrier> barriers = new ArrayList<>();

  Fuser(PipelineGraph graph, Components.Builder components, WireCoderTable coders) {
    this.graph = graph;
    this.components = components;
    this.coders = coders;
    this.streaming =
        FusedPipeline.unbounded(components.getPcollectionsMap().values())
            || graph.transforms().stream()
                .anyMatch(node -> node.urn().equals(Transforms.TEST_STREAM));
  }

  /** Places all transforms. To be called once, before the results are asked for. */
  void fuse() {
    for (TransformNode node : graph.transforms()) {
      if (node.urn().equals(Transforms.IMPULSE)) {
        impulses.add(node.output());
      } else if (node.urn().equals(Transforms.TEST_STREAM)) {
        testStreams.add(testStream(node));
      } else if (node.urn().equals(Transforms.GROUP_BY_KEY)) {
        group(node);
      } else if (TransformKinds.redistributes(node.urn())) {
        redistribute(node);
      } else if (node.urn().equals(Transforms.FLATTEN) && node.environmentId().isEmpty()) {
        flatten(node);
      } else {
        place(node);
      }
    }
    drafts.sort(
        Comparator.comparingInt((StageDraft draft) -> draft.ancestors.cardinality())
            .thenComparingInt(draft -> draft.index));
  }

  /** The stages in topological order. */
  List<StageDraft> drafts() {
    return drafts;
  }

  /** The PCollections that cross a stage boundary. */
  Set<PCollectionId> edges() {
    return edges;
  }

  List<TestStream> testStreams() {
    return testStreams;
  }

  List<Barrier> barriers() {
    return barriers;
  }

  boolean impulse(PCollectionId id) {
    return impulses.contains(id);
  }

  /** The stage that writes a PCollection, or null if it is an alias, an impulse or empty. */
  @Nullable StageDraft producer(PCollectionId id) {
    return producers.get(id);
  }

  /** The edges that hold the elements of a PCollection: itself, or what it is an alias of. */
  List<PCollectionId> resolve(PCollectionId id) {
    return aliases.getOrDefault(id, List.of(id));
  }

  private TestStream testStream(TransformNode node) {
    String coderId =
        coders.component(
            pcollection(node.outputs().values().iterator().next()).getCoderId(),
            Coders.LENGTH_PREFIX,
            0);
    // Go writes the length with the element, and reads such a coder in a length prefix as itself.
    boolean prefixed =
        coderId != null && coders.coder(coderId).getSpec().getUrn().equals(GO_CUSTOM_CODER);
    return new TestStream(
        node.id(), node.name(), CoderAgreement.testStreamPayload(node), prefixed, node.outputs());
  }

  private void group(TransformNode node) {
    PCollectionId input = node.mainInput();
    barriers.add(
        new Barrier(node.id(), input, "all elements of a key and window must come together"));
    StageDraft draft = begin("", input);
    add(draft, node);
  }

  private void redistribute(TransformNode node) {
    aliases.put(node.output(), resolve(node.mainInput()));
    aliasReasons.put(
        node.output(),
        "\"%s\" redistributes its input: both sides must stay apart".formatted(node.name()));
  }

  private void flatten(TransformNode node) {
    Collection<PCollectionId> inputs = node.mainInputs().values();
    PCollectionId output = node.output();
    StageDraft common = commonProducer(inputs);
    if (common != null) {
      PTransform inSdk = node.proto().toBuilder().setEnvironmentId(common.environmentId).build();
      add(common, TransformNode.of(node.id().value(), inSdk));
      return;
    }
    if (inputs.isEmpty()) {
      return;
    }
    List<PCollectionId> joined = new ArrayList<>();
    Map<PCollectionId, PCollectionId> transcoded = new HashMap<>();
    for (PCollectionId input : inputs) {
      if (sameFormat(input, output)) {
        joined.addAll(resolve(input));
      } else {
        joined.add(
            transcoded.computeIfAbsent(
                input, differing -> transcode(node, differing, output, transcoded.size())));
      }
    }
    aliases.put(output, List.copyOf(joined));
    aliasReasons.put(output, "\"%s\" joins the outputs of several stages".formatted(node.name()));
  }

  /** The only SDK stage that produces all of the PCollections, or null. */
  private @Nullable StageDraft commonProducer(Collection<PCollectionId> ids) {
    StageDraft common = null;
    for (PCollectionId id : ids) {
      StageDraft producer = producers.get(id);
      if (producer == null || !producer.inSdk() || (common != null && common != producer)) {
        return null;
      }
      common = producer;
    }
    return common;
  }

  private boolean sameFormat(PCollectionId one, PCollectionId other) {
    return coders
            .wire(pcollection(one).getCoderId())
            .equals(coders.wire(pcollection(other).getCoderId()))
        && windowCoder(one).equals(windowCoder(other));
  }

  private String windowCoder(PCollectionId id) {
    return components
        .getWindowingStrategiesOrThrow(pcollection(id).getWindowingStrategyId())
        .getWindowCoderId();
  }

  private PCollection pcollection(PCollectionId id) {
    return components.getPcollectionsOrThrow(id.value());
  }

  /** Adds a copy of an input of a flatten in the format of the flatten's output. */
  private PCollectionId transcode(
      TransformNode flatten, PCollectionId input, PCollectionId output, int number) {
    String suffix = "_Transcoded_" + number;
    PCollectionId copy = new PCollectionId(flatten.id() + suffix);
    components.putPcollections(
        copy.value(),
        pcollection(output).toBuilder()
            .setIsBounded(pcollection(input).getIsBounded())
            .setUniqueName(flatten.name() + suffix)
            .build());
    StageDraft producer = producers.get(input);
    String environmentId =
        producer != null && producer.inSdk()
            ? producer.environmentId
            : CoderAgreement.environmentNear(graph, input, output);
    PTransform step =
        CoderAgreement.transcode(
            flatten.name() + "/Transcode" + number, input, copy, environmentId);
    place(TransformNode.of(flatten.id() + "_Transcode_" + number, step));
    return copy;
  }

  private void place(TransformNode node) {
    PCollectionId input = node.mainInput();
    StageDraft producer = producers.get(input);
    String reason = ownStageReason(node);
    if (reason == null && streaming && !node.sideInputs().isEmpty()) {
      reason = "its elements wait for the windows of its side inputs";
    }
    boolean alone = reason != null;
    if (reason == null) {
      reason = barrier(node, input, producer);
    }
    if (reason == null && producer != null) {
      add(producer, node);
      return;
    }
    barriers.add(new Barrier(node.id(), input, reason == null ? "it reads an edge" : reason));
    StageDraft draft = alone ? null : reader(input, node);
    if (draft == null) {
      draft = begin(node.environmentId(), input);
      if (!alone) {
        readers.computeIfAbsent(input, unused -> new ArrayList<>()).add(draft);
      }
    }
    add(draft, node);
  }

  /** Why a transform must begin a stage that nothing else reads the input of, or null. */
  private static @Nullable String ownStageReason(TransformNode node) {
    if (node.stateful()) {
      return "it has state or timers: its input must be partitioned by key";
    }
    if (node.urn().equals(Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS)) {
      return "restrictions are distributed before they are processed, and what is left of one"
          + " comes back here";
    }
    if (node.parDo() != null && node.parDo().getRequiresTimeSortedInput()) {
      return "it requires its input sorted by time";
    }
    if (node.parDo() != null && node.parDo().getRequiresStableInput()) {
      return "it requires stable input: the same elements in every attempt";
    }
    return null;
  }

  private @Nullable String barrier(
      TransformNode node, PCollectionId input, @Nullable StageDraft producer) {
    if (impulses.contains(input)) {
      return "its input is an impulse";
    }
    String aliasReason = aliasReasons.get(input);
    if (aliasReason != null) {
      return aliasReason;
    }
    if (producer == null) {
      for (TestStream testStream : testStreams) {
        if (testStream.outputs().containsValue(input)) {
          return "its input is a TestStream";
        }
      }
      return "its input has no producer";
    }
    if (!producer.inSdk()) {
      return "its input is grouped by \"%s\"".formatted(producer.transforms.get(0).name());
    }
    if (!producer.environmentId.equals(node.environmentId())) {
      return environmentsDiffer(producer.environmentId, node.environmentId());
    }
    PCollectionId side = sideInputThatWaitsFor(producer, node);
    return side == null
        ? null
        : "its side input \"%s\" comes from the stage of its main input, or from behind it"
            .formatted(side);
  }

  private String environmentsDiffer(String producer, String consumer) {
    Environment one =
        components.getEnvironmentsOrDefault(producer, Environment.getDefaultInstance());
    Environment other =
        components.getEnvironmentsOrDefault(consumer, Environment.getDefaultInstance());
    boolean hintsOnly =
        one.toBuilder()
            .clearResourceHints()
            .build()
            .equals(other.toBuilder().clearResourceHints().build());
    return hintsOnly
        ? "its resource hints differ from those of its input"
        : "it runs in environment \"%s\", its input is made in \"%s\""
            .formatted(consumer, producer);
  }

  /** The first side input of a transform that is not ready before a stage has run, or null. */
  private @Nullable PCollectionId sideInputThatWaitsFor(StageDraft stage, TransformNode node) {
    for (PCollectionId side : node.sideInputs().values()) {
      for (PCollectionId edge : resolve(side)) {
        StageDraft producer = producers.get(edge);
        if (producer != null && (producer == stage || producer.ancestors.get(stage.index))) {
          return side;
        }
      }
    }
    return null;
  }

  private @Nullable StageDraft reader(PCollectionId input, TransformNode node) {
    for (StageDraft draft : readers.getOrDefault(input, List.of())) {
      if (draft.environmentId.equals(node.environmentId())
          && sideInputThatWaitsFor(draft, node) == null) {
        return draft;
      }
    }
    return null;
  }

  private StageDraft begin(String environmentId, PCollectionId source) {
    StageDraft draft = new StageDraft(drafts.size(), environmentId, source);
    drafts.add(draft);
    needs(draft, source);
    return draft;
  }

  private void add(StageDraft draft, TransformNode node) {
    draft.transforms.add(node);
    node.sideInputs().values().forEach(side -> needs(draft, side));
    for (PCollectionId output : node.outputs().values()) {
      StageDraft other = producers.put(output, draft);
      if (other != null) {
        throw new InvalidPipelineException(
            List.of("PCollection \"%s\" is an output of two transforms".formatted(output)));
      }
    }
  }

  /** Makes a PCollection cross a stage boundary, and the stage wait for its producers. */
  private void needs(StageDraft draft, PCollectionId id) {
    for (PCollectionId edge : resolve(id)) {
      edges.add(edge);
      StageDraft producer = producers.get(edge);
      if (producer != null && !draft.ancestors.get(producer.index)) {
        BitSet added = (BitSet) producer.ancestors.clone();
        added.set(producer.index);
        draft.ancestors.or(added);
        for (StageDraft follower : drafts) {
          if (follower.ancestors.get(draft.index)) {
            follower.ancestors.or(added);
          }
        }
      }
    }
  }
}
