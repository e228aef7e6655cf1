package org.trestle.engine.fuse;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.IsBounded;
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
 * <p>A flatten whose readers can be fused with what makes its inputs is unzipped instead: each of
 * the stages flattens what it makes itself, and what reads the flatten is copied into all of them.
 * The PCollections behind it are made in several stages then, each in its own part; who cannot be
 * fused with them reads an edge that all these stages write.
 *
 * <p>Chains are cut where SDKs would come to the end of their call stacks.
 *
 * <p>Stages must not wait for themselves. A transform with side inputs may join a stage S only if
 * no stage that produces one of them is S or comes after S; this is checked on the transitive
 * closure of the stages' dependencies, which is kept as bit sets.
 */
final class Fuser {
  private static final String GO_CUSTOM_CODER = "beam:go:coder:custom:v1";

  /**
   * A flatten is unzipped into this many stages, or not at all: each gets a copy of its readers.
   */
  static final int MOST_COPIES = 8;

  /**
   * So many transforms of a stage may follow one on another. SDKs call each from the one before, to
   * make it and for each element: Python's is at its recursion limit after some 250.
   */
  static final int DEEPEST = 100;

  private final PipelineGraph graph;
  private final Components.Builder components;
  private final WireCoderTable coders;

  /** Whether side inputs come window by window, not as a whole. */
  private final boolean streaming;

  private final List<StageDraft> drafts = new ArrayList<>();
  private final Map<PCollectionId, List<StageDraft>> producers = new HashMap<>();
  private final Map<PCollectionId, List<StageDraft>> readers = new HashMap<>();
  private final Map<PCollectionId, List<PCollectionId>> aliases = new HashMap<>();
  private final Map<PCollectionId, String> aliasReasons = new HashMap<>();

  /** How many transforms of its stage a PCollection has gone through. */
  private final Map<PCollectionId, Integer> depths = new HashMap<>();

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
      } else if (StageBuilder.sortedByTime(node)) {
        place(sorted(node));
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

  /** The stages that each write a part of a PCollection; none of an alias or an impulse. */
  List<StageDraft> producers(PCollectionId id) {
    return producers.getOrDefault(id, List.of());
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
    if (inputs.isEmpty()) {
      return;
    }
    List<StageDraft> common = commonProducers(inputs);
    if (!common.isEmpty()) {
      common.forEach(stage -> flattenWithin(stage, node, inputs));
      return;
    }
    String reason = unzip(node);
    if (reason != null) {
      aliases.put(node.output(), join(node, inputs, node.output()));
      aliasReasons.put(node.output(), reason);
    }
  }

  /** The SDK stages that produce all of the PCollections, a part of each; empty if they differ. */
  private List<StageDraft> commonProducers(Collection<PCollectionId> ids) {
    List<StageDraft> common = producers(ids.iterator().next());
    boolean shared =
        common.stream().allMatch(StageDraft::inSdk)
            && ids.stream().allMatch(id -> producers(id).equals(common));
    return shared ? common : List.of();
  }

  /** Lets a stage flatten those inputs that it has. */
  private void flattenWithin(
      StageDraft stage, TransformNode node, Collection<PCollectionId> inputs) {
    PTransform.Builder part =
        node.proto().toBuilder().setEnvironmentId(stage.environmentId).clearInputs();
    for (PCollectionId input : inputs) {
      part.putInputs("i" + part.getInputsCount(), input.value());
    }
    add(stage, TransformNode.of(node.id().value(), part.build()));
  }

  /** The edges of some inputs of a flatten, all in the format of the PCollection given. */
  private List<PCollectionId> join(
      TransformNode node, Collection<PCollectionId> inputs, PCollectionId format) {
    List<PCollectionId> joined = new ArrayList<>();
    Map<PCollectionId, PCollectionId> transcoded = new HashMap<>();
    for (PCollectionId input : inputs) {
      if (sameFormat(input, format)) {
        joined.addAll(resolve(input));
      } else {
        joined.add(
            transcoded.computeIfAbsent(
                input, differing -> transcode(node, differing, format, transcoded.size())));
      }
    }
    return List.copyOf(joined);
  }

  /**
   * Flattens in each of the stages that make the inputs, if a reader can join them. Inputs that no
   * stage of the reader's environment makes are read by one more stage.
   *
   * @return why it was not done, or null
   */
  private @Nullable String unzip(TransformNode node) {
    String joins = "\"%s\" joins the outputs of several stages".formatted(node.name());
    List<TransformNode> readers = graph.consumers(node.output());
    List<TransformNode> followers = new ArrayList<>(readers);
    followers.removeIf(reader -> !canFollow(reader, node));
    if (followers.isEmpty()) {
      return joins;
    }
    String environmentId = followers.get(0).environmentId();
    Map<StageDraft, List<PCollectionId>> made = new LinkedHashMap<>();
    List<PCollectionId> rest = new ArrayList<>();
    for (PCollectionId input : node.mainInputs().values()) {
      List<StageDraft> stages = producers(input);
      if (!stages.isEmpty() && stages.get(0).environmentId.equals(environmentId)) {
        for (StageDraft stage : stages) {
          made.computeIfAbsent(stage, unused -> new ArrayList<>()).add(input);
        }
      } else {
        rest.add(input);
      }
    }
    if (made.isEmpty()) {
      return joins + ", and it can be fused with none of them";
    }
    if (made.size() + (rest.isEmpty() ? 0 : 1) > MOST_COPIES) {
      return joins + ", too many to copy it into each";
    }
    followers.removeIf(reader -> !reader.environmentId().equals(environmentId));
    followers.removeIf(reader -> sideInputThatWaitsFor(made.keySet(), reader) != null);
    if (followers.isEmpty()) {
      return joins + ", and a side input of it comes from one of them or from behind it";
    }
    if (!rest.isEmpty() && followers.size() < readers.size()) {
      return joins + ", and something else needs all of these as well";
    }
    made.forEach((stage, inputs) -> flattenWithin(stage, node, inputs));
    if (!rest.isEmpty()) {
      flattenRest(node, rest, environmentId);
    }
    return null;
  }

  /** Whether a reader of a flatten may be fused with what is before the flatten. */
  private boolean canFollow(TransformNode reader, TransformNode flatten) {
    return !reader.environmentId().isEmpty()
        && ownStage(reader) == null
        && reader.mainInputs().containsValue(flatten.output())
        && !reader.sideInputs().containsValue(flatten.output());
  }

  private void flattenRest(TransformNode node, List<PCollectionId> rest, String environmentId) {
    // A stage can read any one format: its own flatten changes coders.
    PCollectionId first = rest.get(0);
    boolean alike = rest.stream().allMatch(input -> sameFormat(input, first));
    PCollectionId format = alike ? first : node.output();
    List<PCollectionId> joined = join(node, rest, format);
    PCollectionId source = copy(node, rest, format, "_Rest");
    aliases.put(source, joined);
    barriers.add(
        new Barrier(node.id(), source, "these inputs are not made where its readers could join"));
    flattenWithin(begin(environmentId, source), node, List.of(source));
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

  /** Adds a step that brings an input of a flatten into the format of {@code output}. */
  private PCollectionId transcode(
      TransformNode flatten, PCollectionId input, PCollectionId output, int number) {
    PCollectionId copy = copy(flatten, List.of(input), output, "_Transcoded_" + number);
    List<StageDraft> stages = producers(input);
    String environmentId =
        !stages.isEmpty() && stages.get(0).inSdk()
            ? stages.get(0).environmentId
            : CoderAgreement.environmentNear(graph, input, output);
    PTransform step =
        CoderAgreement.transcode(
            flatten.name() + "/Transcode" + number, input, copy, environmentId);
    place(TransformNode.of(flatten.id() + "_Transcode_" + number, step));
    return copy;
  }

  /** Adds a PCollection that holds some inputs of a flatten, in the format of another one. */
  private PCollectionId copy(
      TransformNode flatten, List<PCollectionId> inputs, PCollectionId format, String suffix) {
    boolean unbounded =
        inputs.stream().anyMatch(id -> pcollection(id).getIsBounded() == IsBounded.Enum.UNBOUNDED);
    PCollectionId copy = new PCollectionId(flatten.id() + suffix);
    components.putPcollections(
        copy.value(),
        pcollection(format).toBuilder()
            .setIsBounded(unbounded ? IsBounded.Enum.UNBOUNDED : IsBounded.Enum.BOUNDED)
            .setUniqueName(flatten.name() + suffix)
            .build());
    return copy;
  }

  /** Why a transform must begin a stage of its own, or null. */
  private @Nullable String ownStage(TransformNode node) {
    String reason = BarrierReasons.ownStage(node);
    return reason == null && streaming && !node.sideInputs().isEmpty()
        ? "its elements wait for the windows of its side inputs"
        : reason;
  }

  /** Puts a sorting stage before a transform, and returns the transform as a reader of that. */
  private TransformNode sorted(TransformNode node) {
    PCollectionId input = node.mainInput();
    if (coders.component(coders.wire(pcollection(input).getCoderId()), Coders.KV, 0) == null) {
      return node; // without keys there is nothing to sort
    }
    PCollectionId output = new PCollectionId(node.id() + "_Sorted");
    components.putPcollections(
        output.value(),
        pcollection(input).toBuilder().setUniqueName(node.name() + "_Sorted").build());
    PTransform.Builder step =
        PTransform.newBuilder()
            .setUniqueName(node.name() + "/SortByTime")
            .putInputs("i0", input.value())
            .putOutputs("o0", output.value());
    step.getSpecBuilder().setUrn(SortByTimeStage.URN);
    TransformNode sort = TransformNode.of(node.id() + "_SortByTime", step.build());
    barriers.add(
        new Barrier(sort.id(), input, "elements of a key must come together to be sorted"));
    add(begin("", input), sort);
    PTransform reader =
        node.proto().toBuilder().putInputs(node.mainInputs().firstKey(), output.value()).build();
    return TransformNode.of(node.id().value(), reader);
  }

  private void place(TransformNode node) {
    PCollectionId input = node.mainInput();
    List<StageDraft> stages = producers(input);
    String reason = ownStage(node);
    boolean alone = reason != null;
    if (reason == null) {
      reason = barrier(node, input, stages);
    }
    if (reason == null) {
      stages.forEach(stage -> add(stage, node));
      return;
    }
    barriers.add(new Barrier(node.id(), input, reason));
    StageDraft draft = alone ? null : reader(input, node);
    if (draft == null) {
      draft = begin(node.environmentId(), input);
      if (!alone) {
        readers.computeIfAbsent(input, unused -> new ArrayList<>()).add(draft);
      }
    }
    add(draft, node);
  }

  private @Nullable String barrier(
      TransformNode node, PCollectionId input, List<StageDraft> stages) {
    if (impulses.contains(input)) {
      return "its input is an impulse";
    }
    String aliasReason = aliasReasons.get(input);
    if (aliasReason != null) {
      return aliasReason;
    }
    if (stages.isEmpty()) {
      for (TestStream testStream : testStreams) {
        if (testStream.outputs().containsValue(input)) {
          return "its input is a TestStream";
        }
      }
      return "its input has no producer";
    }
    StageDraft first = stages.get(0);
    if (!first.inSdk()) {
      return "its input is grouped by \"%s\"".formatted(first.transforms.get(0).name());
    }
    if (!first.environmentId.equals(node.environmentId())) {
      return BarrierReasons.environments(components, first.environmentId, node.environmentId());
    }
    if (depths.getOrDefault(input, 0) >= DEEPEST) {
      return "%d transforms of one stage follow one on another; more are hard on call stacks"
          .formatted(DEEPEST);
    }
    PCollectionId side = sideInputThatWaitsFor(stages, node);
    return side == null
        ? null
        : "its side input \"%s\" comes from the stage of its main input, or from behind it"
            .formatted(side);
  }

  /** The first side input of a transform that is not ready before all stages have run, or null. */
  private @Nullable PCollectionId sideInputThatWaitsFor(
      Collection<StageDraft> stages, TransformNode node) {
    for (PCollectionId side : node.sideInputs().values()) {
      for (PCollectionId edge : resolve(side)) {
        for (StageDraft producer : producers(edge)) {
          if (stages.stream()
              .anyMatch(stage -> producer == stage || producer.ancestors.get(stage.index))) {
            return side;
          }
        }
      }
    }
    return null;
  }

  private @Nullable StageDraft reader(PCollectionId input, TransformNode node) {
    for (StageDraft draft : readers.getOrDefault(input, List.of())) {
      if (draft.environmentId.equals(node.environmentId())
          && sideInputThatWaitsFor(List.of(draft), node) == null) {
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
    int depth = 1 + depthWithin(draft, node);
    node.sideInputs().values().forEach(side -> needs(draft, side));
    for (PCollectionId output : node.outputs().values()) {
      List<StageDraft> stages = producers.computeIfAbsent(output, unused -> new ArrayList<>(1));
      if (stages.contains(draft)) {
        throw new InvalidPipelineException(
            List.of("PCollection \"%s\" is an output of two transforms".formatted(output)));
      }
      stages.add(draft);
      depths.merge(output, depth, Math::max);
    }
  }

  private int depthWithin(StageDraft draft, TransformNode node) {
    int deepest = 0;
    for (PCollectionId input : node.mainInputs().values()) {
      if (!input.equals(draft.source)) {
        deepest = Math.max(deepest, depths.getOrDefault(input, 0));
      }
    }
    return deepest;
  }

  /** Makes a PCollection cross a stage boundary, and the stage wait for its producers. */
  private void needs(StageDraft draft, PCollectionId id) {
    for (PCollectionId edge : resolve(id)) {
      edges.add(edge);
      producers(edge).forEach(producer -> waitFor(draft, producer));
    }
  }

  private void waitFor(StageDraft draft, StageDraft producer) {
    if (draft.ancestors.get(producer.index)) {
      return;
    }
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
