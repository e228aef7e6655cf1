package org.trestle.engine.fuse;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PCollection;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StateSpec;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;
import org.trestle.engine.graph.TransformNode;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.SideInputs;
import org.trestle.proto.Urns.Transforms;

/** Turns the drafts of a finished fusion into stages and edges. */
final class StageBuilder {
  private final Fuser fusion;
  private final Components.Builder components;
  private final WireCoderTable coders;

  /** Wire coders of PCollections that cross stages in another form than within them. */
  private final Map<PCollectionId, String> paged;

  private final ApiServiceDescriptor endpoint;

  StageBuilder(
      Fuser fusion,
      Components.Builder components,
      WireCoderTable coders,
      Map<PCollectionId, String> paged,
      ApiServiceDescriptor endpoint) {
    this.fusion = fusion;
    this.components = components;
    this.coders = coders;
    this.paged = Map.copyOf(paged);
    this.endpoint = endpoint;
  }

  /** Builds all stages. */
  List<Stage> stages() {
    Map<StageDraft, List<PCollectionId>> written = new LinkedHashMap<>();
    for (PCollectionId edge : fusion.edges()) {
      for (StageDraft producer : fusion.producers(edge)) {
        written.computeIfAbsent(producer, unused -> new ArrayList<>()).add(edge);
      }
    }
    List<Stage> stages = new ArrayList<>();
    for (StageDraft draft : fusion.drafts()) {
      String id = "stage-" + (stages.size() + 1);
      stages.add(
          draft.inSdk()
              ? sdkStage(id, draft, written.getOrDefault(draft, List.of()))
              : runnerStage(id, draft));
    }
    return stages;
  }

  private Stage runnerStage(String id, StageDraft draft) {
    TransformNode node = draft.transforms.get(0);
    return node.urn().equals(SortByTimeStage.URN) ? sorting(id, draft) : grouping(id, draft);
  }

  private SortByTimeStage sorting(String id, StageDraft draft) {
    TransformNode node = draft.transforms.get(0);
    PCollection source = pcollection(draft.source);
    return new SortByTimeStage(
        id,
        node.id(),
        consumer(node.output()),
        fusion.resolve(draft.source),
        node.output(),
        pairComponent(coders.wire(source.getCoderId()), 0, node, draft.source),
        source.getWindowingStrategyId());
  }

  /** The first transform that reads a PCollection. */
  private TransformId consumer(PCollectionId id) {
    for (StageDraft draft : fusion.drafts()) {
      for (TransformNode node : draft.transforms) {
        if (node.mainInputs().containsValue(id)) {
          return node.id();
        }
      }
    }
    throw new IllegalStateException("nobody reads " + id);
  }

  private GroupByKeyStage grouping(String id, StageDraft draft) {
    TransformNode node = draft.transforms.get(0);
    PCollection source = pcollection(draft.source);
    String wire = coders.wire(source.getCoderId());
    return new GroupByKeyStage(
        id,
        node.id(),
        fusion.resolve(draft.source),
        node.output(),
        pairComponent(wire, 0, node, draft.source),
        pairComponent(wire, 1, node, draft.source),
        source.getWindowingStrategyId());
  }

  private String pairComponent(String wire, int index, TransformNode node, PCollectionId id) {
    String component = coders.component(wire, Coders.KV, index);
    if (component == null) {
      throw new InvalidPipelineException(
          List.of(
              "transform \"%s\" needs key-value pairs, but PCollection \"%s\" has a coder of %s"
                  .formatted(
                      node.name(),
                      id,
                      coders.coder(pcollection(id).getCoderId()).getSpec().getUrn())));
    }
    return component;
  }

  private SdkStage sdkStage(String id, StageDraft draft, List<PCollectionId> written) {
    List<SideInput> sideInputs = new ArrayList<>();
    List<UserState> userStates = new ArrayList<>();
    List<TimerFamily> timerFamilies = new ArrayList<>();
    Map<TransformId, Map<String, TimerFamily>> timersOf = new HashMap<>();
    String keyCoder = null;
    for (TransformNode node : draft.transforms) {
      if (node.stateful() || sortedByTime(node)) {
        keyCoder = keyCoder(draft, node);
        Map<String, TimerFamily> timers = timers(draft, node);
        timersOf.put(node.id(), timers);
        timerFamilies.addAll(timers.values());
        userStates.addAll(userStates(draft, node));
      }
      sideInputs.addAll(sideInputs(node));
    }
    Map<String, PCollectionId> sinks = new LinkedHashMap<>();
    for (PCollectionId edge : written) {
      sinks.put(id + "-sink-" + (sinks.size() + 1), edge);
    }
    SdkStage.Traits traits = traits(draft);
    String sourceId = id + "-source";
    return new SdkStage(
        id,
        StageNames.of(draft.transforms),
        draft.environmentId,
        draft.transforms.stream().map(TransformNode::id).toList(),
        fusion.resolve(draft.source),
        sourceId,
        draft.source,
        sideInputs,
        userStates,
        timerFamilies,
        keyCoder,
        sinks,
        traits,
        descriptor(id, sourceId, draft, draft.transforms, timersOf, sinks),
        traits.splittable()
            ? descriptor(id + "-drain", sourceId, draft, truncating(draft), timersOf, sinks)
            : null);
  }

  private ProcessBundleDescriptor descriptor(
      String id,
      String sourceId,
      StageDraft draft,
      List<TransformNode> transforms,
      Map<TransformId, Map<String, TimerFamily>> timersOf,
      Map<String, PCollectionId> sinks) {
    DescriptorBuilder descriptor = new DescriptorBuilder(components, coders, endpoint);
    descriptor.addSource(sourceId, draft.source, windowedCoder(draft.source));
    Set<PCollectionId> crossing = new LinkedHashSet<>(sinks.values());
    crossing.add(draft.source);
    boolean timers = false;
    for (TransformNode node : transforms) {
      crossing.addAll(node.sideInputs().values());
      if (node.urn().equals(Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS)) {
        crossing.addAll(node.mainInputs().values()); // Residuals come in the coder of this input.
      }
      Map<String, TimerFamily> ofNode = timersOf.getOrDefault(node.id(), Map.of());
      timers |= !ofNode.isEmpty();
      descriptor.addTransform(node, ofNode);
    }
    for (TransformNode node : transforms) {
      for (var side : List.of(node.mainInputs(), node.sideInputs(), node.outputs())) {
        side.values().forEach(pc -> descriptor.addPCollection(pc, crossing.contains(pc)));
      }
    }
    sinks.forEach((sinkId, edge) -> descriptor.addSink(sinkId, edge, windowedCoder(edge)));
    descriptor.addEnvironment(draft.environmentId);
    return descriptor.build(id, timers);
  }

  /** The transforms of a splittable stage, with a step before that truncates restrictions. */
  private List<TransformNode> truncating(StageDraft draft) {
    List<TransformNode> transforms = new ArrayList<>();
    for (TransformNode node : draft.transforms) {
      if (!node.urn().equals(Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS)) {
        transforms.add(node);
        continue;
      }
      String truncated = node.id() + "_Truncated";
      components.putPcollections(
          truncated,
          pcollection(draft.source).toBuilder()
              .setUniqueName(node.name() + "/Truncate.out")
              .build());
      PTransform whole = node.proto();
      transforms.add(
          TransformNode.of(
              node.id() + "_Truncate",
              whole.toBuilder()
                  .setUniqueName(whole.getUniqueName() + "/Truncate")
                  .setSpec(
                      whole.getSpec().toBuilder().setUrn(Transforms.TRUNCATE_SIZED_RESTRICTION))
                  .clearOutputs()
                  .putOutputs("out", truncated)
                  .build()));
      transforms.add(
          TransformNode.of(
              node.id().value(),
              whole.toBuilder().putInputs(node.mainInputs().firstKey(), truncated).build()));
    }
    return transforms;
  }

  static boolean sortedByTime(TransformNode node) {
    return node.parDo() != null && node.parDo().getRequiresTimeSortedInput();
  }

  private static SdkStage.Traits traits(StageDraft draft) {
    boolean splittable = false;
    boolean finalization = false;
    boolean stableInput = false;
    boolean timeSorted = false;
    for (TransformNode node : draft.transforms) {
      splittable |= node.urn().equals(Transforms.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS);
      ParDoPayload parDo = node.parDo();
      if (parDo != null) {
        finalization |= parDo.getRequestsFinalization();
        stableInput |= parDo.getRequiresStableInput();
        timeSorted |= parDo.getRequiresTimeSortedInput();
      }
    }
    return new SdkStage.Traits(splittable, finalization, stableInput, timeSorted);
  }

  private @Nullable String keyCoder(StageDraft draft, TransformNode node) {
    String wire = coders.wire(pcollection(draft.source).getCoderId());
    return node.stateful()
        ? pairComponent(wire, 0, node, draft.source)
        : coders.component(wire, Coders.KV, 0);
  }

  private Map<String, TimerFamily> timers(StageDraft draft, TransformNode node) {
    ParDoPayload parDo = node.parDo();
    Map<String, TimerFamily> families = new TreeMap<>();
    if (parDo == null || parDo.getTimerFamilySpecsCount() == 0) {
      return families;
    }
    String wire = coders.wire(pcollection(draft.source).getCoderId());
    String key = pairComponent(wire, 0, node, draft.source);
    String window = windowCoder(draft.source);
    parDo
        .getTimerFamilySpecsMap()
        .forEach(
            (family, spec) ->
                families.put(
                    family,
                    new TimerFamily(
                        node.id(),
                        family,
                        spec.getTimeDomain(),
                        coders.of(Coders.TIMER, key, window),
                        key,
                        window,
                        family.equals(parDo.getOnWindowExpirationTimerFamilySpec()))));
    return families;
  }

  private List<UserState> userStates(StageDraft draft, TransformNode node) {
    List<UserState> states = new ArrayList<>();
    ParDoPayload parDo = node.parDo();
    if (parDo != null && parDo.getStateSpecsCount() > 0) {
      String wire = coders.wire(pcollection(draft.source).getCoderId());
      String key = pairComponent(wire, 0, node, draft.source);
      String window = windowCoder(draft.source);
      new TreeMap<>(parDo.getStateSpecsMap())
          .forEach(
              (state, spec) ->
                  states.add(new UserState(node.id(), state, spec, key, window, valueCoder(spec))));
    }
    return states;
  }

  private @Nullable String valueCoder(StateSpec spec) {
    String value = spec.getMultimapSpec().getValueCoderId();
    return components.containsCoders(value) ? coders.wire(value) : null;
  }

  private List<SideInput> sideInputs(TransformNode node) {
    List<SideInput> sideInputs = new ArrayList<>();
    node.sideInputs()
        .forEach(
            (name, id) -> {
              ParDoPayload parDo = node.parDo();
              String pattern =
                  parDo == null ? "" : parDo.getSideInputsOrThrow(name).getAccessPattern().getUrn();
              boolean multimap = pattern.equals(SideInputs.MULTIMAP);
              String wire = coders.wire(pcollection(id).getCoderId());
              sideInputs.add(
                  new SideInput(
                      node.id(),
                      name,
                      id,
                      fusion.resolve(id),
                      pattern,
                      wire,
                      multimap ? pairComponent(wire, 0, node, id) : null,
                      multimap ? pairComponent(wire, 1, node, id) : null,
                      windowCoder(id),
                      pcollection(id).getWindowingStrategyId()));
            });
    return sideInputs;
  }

  /** Builds the edges between the stages. */
  Map<PCollectionId, Edge> edges(List<Stage> stages) {
    Map<PCollectionId, Set<String>> producers = new LinkedHashMap<>();
    Map<PCollectionId, Set<String>> consumers = new LinkedHashMap<>();
    Map<PCollectionId, Set<String>> sideConsumers = new LinkedHashMap<>();
    fusion.edges().stream()
        .filter(edge -> fusion.producers(edge).isEmpty())
        .forEach(edge -> producers.put(edge, new LinkedHashSet<>()));
    for (Stage stage : stages) {
      stage.outputs().forEach(edge -> note(producers, edge, stage));
      stage.inputs().forEach(edge -> note(consumers, edge, stage));
      if (stage instanceof SdkStage sdkStage) {
        for (SideInput sideInput : sdkStage.sideInputs()) {
          sideInput.edges().forEach(edge -> note(sideConsumers, edge, stage));
        }
      }
    }
    Map<PCollectionId, Edge> edges = new LinkedHashMap<>();
    producers.forEach(
        (id, stageIds) ->
            edges.put(
                id,
                edge(
                    id,
                    List.copyOf(stageIds),
                    List.copyOf(consumers.getOrDefault(id, Set.of())),
                    List.copyOf(sideConsumers.getOrDefault(id, Set.of())))));
    return edges;
  }

  private static void note(
      Map<PCollectionId, Set<String>> stagesByEdge, PCollectionId edge, Stage stage) {
    stagesByEdge.computeIfAbsent(edge, unused -> new LinkedHashSet<>()).add(stage.id());
  }

  private Edge edge(
      PCollectionId id,
      List<String> producers,
      List<String> consumers,
      List<String> sideInputConsumers) {
    PCollection pcollection = pcollection(id);
    String wire = wireCoder(id);
    String value = coders.component(wire, Coders.KV, 1);
    return new Edge(
        id,
        wire,
        windowedCoder(id),
        windowCoder(id),
        coders.component(wire, Coders.KV, 0),
        value,
        paged.containsKey(id),
        pcollection.getWindowingStrategyId(),
        fusion.impulse(id),
        producers,
        consumers,
        sideInputConsumers);
  }

  private PCollection pcollection(PCollectionId id) {
    return components.getPcollectionsOrThrow(id.value());
  }

  private String windowCoder(PCollectionId id) {
    return components
        .getWindowingStrategiesOrThrow(pcollection(id).getWindowingStrategyId())
        .getWindowCoderId();
  }

  private String windowedCoder(PCollectionId id) {
    return coders.windowed(wireCoder(id), windowCoder(id));
  }

  private String wireCoder(PCollectionId id) {
    String coder = paged.get(id);
    return coder == null ? coders.wire(pcollection(id).getCoderId()) : coder;
  }
}
