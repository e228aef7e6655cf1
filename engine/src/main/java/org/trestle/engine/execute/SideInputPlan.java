package org.trestle.engine.execute;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.SideInputGate;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.execute.merge.SdkWindowMapper;
import org.trestle.engine.fuse.Edge;
import org.trestle.engine.fuse.FusedPipeline;
import org.trestle.engine.fuse.SdkStage;
import org.trestle.engine.fuse.SideInput;
import org.trestle.engine.fuse.Stage;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.operator.Triggering;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.state.SideInputStore;
import org.trestle.engine.state.SideInputTable;
import org.trestle.engine.state.WindowedSideInput;
import org.trestle.engine.windowing.DefaultWindowMapping;
import org.trestle.engine.windowing.WindowMapping;
import org.trestle.engine.windowing.WindowingStrategySpec;
import org.trestle.fn.wire.WireCoders;
import org.trestle.proto.Urns.Coders;

/**
 * The side inputs of a job's stages: where their contents are, and how stages wait for them.
 *
 * <p>In a bounded job, a stage waits until its side inputs are complete. In a streaming one,
 * elements wait for the windows that they read: blocks are cut by window, each stage with side
 * inputs gets a gate, and a side input with a trigger of its own is first grouped into panes, each
 * of which replaces what its window held.
 */
final class SideInputPlan {
  private static final String PANES = "-panes";

  /** Side inputs of the same windows share their panes. */
  private record PanesKey(List<PCollectionId> edges, String windowingStrategyId) {
    static PanesKey of(SideInput sideInput) {
      return new PanesKey(sideInput.edges(), sideInput.windowingStrategyId());
    }
  }

  /** Side inputs with the same key share their contents. */
  private record Key(PanesKey panes, @Nullable String keyCoderId) {
    static Key of(SideInput sideInput) {
      return new Key(PanesKey.of(sideInput), sideInput.keyCoderId());
    }
  }

  /** A side input's way to its panes. */
  private record Panes(
      String id,
      List<PCollectionId> inputs,
      EdgeFormat values,
      Triggering triggering,
      List<SideInputStore> stores) {
    EdgeId keylessEdge() {
      return new EdgeId(id + "-in");
    }

    EdgeId paneEdge() {
      return new EdgeId(id);
    }
  }

  /** Makes mappings of windows that the runner does not know itself. */
  @FunctionalInterface
  interface AskedMappings {
    WindowMapping of(StageId stage, SdkWindowMapper.Mapping mapping);
  }

  /** Stages that the runner adds, in order, and what they write. */
  record AddedStages(
      List<StageSpec> specs, Map<StageId, RunnerStage> stages, Map<StageId, String> names) {}

  private final FusedPipeline fused;
  private final Components components;
  private final BlockStore blocks;
  private final int keyGroups;
  private final boolean streaming;
  private final Function<SideInput, EdgeFormat> formats;
  private final AskedMappings askedMappings;
  private final Map<Key, SideInputStore> stores = new LinkedHashMap<>();
  private final Map<PanesKey, Panes> panes = new LinkedHashMap<>();
  private final Map<EdgeId, List<SideInputStore>> contents = new LinkedHashMap<>();
  private final Set<String> made = new HashSet<>();

  /**
   * Makes the stores of all side inputs.
   *
   * @param formats of side inputs, with a key coder for multimaps
   * @param askedMappings for window fns that only the SDK knows
   * @throws IllegalArgumentException if a side input cannot be read by window
   */
  SideInputPlan(
      FusedPipeline fused,
      BlockStore blocks,
      int keyGroups,
      Function<SideInput, EdgeFormat> formats,
      AskedMappings askedMappings) {
    this.fused = fused;
    this.components = fused.components();
    this.blocks = blocks;
    this.keyGroups = keyGroups;
    this.streaming = fused.unbounded();
    this.formats = formats;
    this.askedMappings = askedMappings;
    for (Stage stage : fused.stages()) {
      if (stage instanceof SdkStage sdk) {
        sdk.sideInputs().forEach(this::addStore);
      }
    }
  }

  private void addStore(SideInput sideInput) {
    if (stores.containsKey(Key.of(sideInput))) {
      return;
    }
    EdgeFormat format = formats.apply(sideInput);
    int pageBytes = SideInputTable.DEFAULT_PAGE_BYTES;
    if (!streaming) {
      boolean firingsReplace =
          isTriggered(sideInput) && (format.key() != null || !isOfPairs(sideInput));
      SideInputStore table = new SideInputTable(format, firingsReplace, blocks, pageBytes);
      stores.put(Key.of(sideInput), table);
      sideInput.edges().forEach(edge -> addContents(edgeId(edge), table));
      return;
    }
    boolean triggered = isTriggered(sideInput);
    WindowedSideInput.Update update =
        triggered ? WindowedSideInput.Update.REPLACE : WindowedSideInput.Update.APPEND;
    SideInputStore table = new WindowedSideInput(format, update, blocks, pageBytes);
    stores.put(Key.of(sideInput), table);
    if (triggered) {
      Panes way =
          panes.computeIfAbsent(
              PanesKey.of(sideInput),
              key ->
                  new Panes(
                      sideInput.pcollection() + PANES,
                      key.edges(),
                      format.whole(),
                      Triggering.ofSideInput(strategy(sideInput), !isOfPairs(sideInput)),
                      new ArrayList<>()));
      way.stores.add(table);
      addContents(way.paneEdge(), table);
    } else {
      sideInput.edges().forEach(edge -> addContents(edgeId(edge), table));
    }
  }

  private void addContents(EdgeId edge, SideInputStore table) {
    contents.computeIfAbsent(edge, id -> new ArrayList<>()).add(table);
  }

  private static EdgeId edgeId(PCollectionId id) {
    return new EdgeId(id.value());
  }

  private boolean isTriggered(SideInput sideInput) {
    return !strategy(sideInput).defaultTrigger();
  }

  /**
   * Whether the elements are key-value pairs: then a firing is most often that of one key, and does
   * not replace the firings of others.
   */
  private boolean isOfPairs(SideInput sideInput) {
    return components
        .getCodersOrThrow(sideInput.wireCoderId())
        .getSpec()
        .getUrn()
        .equals(Coders.KV);
  }

  private WindowingStrategy proto(SideInput sideInput) {
    return components.getWindowingStrategiesOrThrow(sideInput.windowingStrategyId());
  }

  private WindowingStrategySpec strategy(SideInput sideInput) {
    try {
      return WindowingStrategySpec.parse(
          proto(sideInput), coderId -> WireCoders.window(components, coderId));
    } catch (IllegalArgumentException unusable) {
      throw refusal(sideInput, unusable);
    }
  }

  private IllegalArgumentException refusal(SideInput sideInput, IllegalArgumentException reason) {
    return new IllegalArgumentException(name(sideInput) + ": " + reason.getMessage(), reason);
  }

  private String name(SideInput sideInput) {
    return "side input \"%s\" of transform \"%s\""
        .formatted(
            sideInput.sideInputId(),
            components.getTransformsOrThrow(sideInput.transform().value()).getUniqueName());
  }

  // ---- contents ----

  /** The contents that each edge feeds. */
  Map<EdgeId, List<SideInputStore>> contents() {
    return contents;
  }

  SideInputStore store(SideInput sideInput) {
    SideInputStore store = stores.get(Key.of(sideInput));
    if (store == null) {
      throw new IllegalArgumentException("no contents of " + name(sideInput));
    }
    return store;
  }

  /** How often side inputs read the elements of an edge. */
  int readers(Edge edge) {
    int readers = contents.getOrDefault(edgeId(edge.id()), List.of()).size();
    for (Panes way : panes.values()) {
      readers += Collections.frequency(way.inputs, edge.id());
    }
    return readers;
  }

  /** Whether blocks of the edge must be cut by window. */
  boolean byWindow(Edge edge) {
    if (!streaming) {
      return false;
    }
    for (Stage stage : fused.stages()) {
      if (stage instanceof SdkStage sdk && waits(sdk) && sdk.inputs().contains(edge.id())) {
        return true;
      }
    }
    return contents.containsKey(edgeId(edge.id()));
  }

  // ---- waiting ----

  /** Whether elements of the stage wait for windows of side inputs. */
  boolean waits(SdkStage stage) {
    return streaming && !stage.sideInputs().isEmpty();
  }

  /** The edges that the stage waits for. */
  List<EdgeId> edges(SdkStage stage) {
    List<EdgeId> edges = new ArrayList<>();
    stage.sideInputs().forEach(sideInput -> edges.addAll(edges(sideInput)));
    return edges;
  }

  private List<EdgeId> edges(SideInput sideInput) {
    Panes way = panes.get(PanesKey.of(sideInput));
    return way == null
        ? sideInput.edges().stream().map(SideInputPlan::edgeId).toList()
        : List.of(way.paneEdge());
  }

  /** Makes the stage's gate; called once for each stage. Null if it has to wait for all. */
  @Nullable SideInputGate gate(SdkStage stage) {
    if (!waits(stage)) {
      return null;
    }
    WindowingStrategy main =
        components.getWindowingStrategiesOrThrow(
            components.getPcollectionsOrThrow(stage.source().value()).getWindowingStrategyId());
    List<SideInputReadiness.Side> sides = new ArrayList<>();
    int edges = 0;
    long lateness = main.getAllowedLateness();
    for (SideInput sideInput : stage.sideInputs()) {
      List<Integer> indexes = new ArrayList<>();
      for (int i = 0; i < edges(sideInput).size(); i++) {
        indexes.add(edges++);
      }
      lateness = Math.max(lateness, proto(sideInput).getAllowedLateness());
      WindowedSideInput table = (WindowedSideInput) store(sideInput);
      sides.add(
          new SideInputReadiness.Side(
              name(sideInput),
              table,
              table.addReader(),
              mapping(stage, sideInput, main),
              proto(sideInput).getTrigger(),
              isTriggered(sideInput),
              indexes));
    }
    return new SideInputReadiness(sides, edges, lateness);
  }

  private WindowMapping mapping(SdkStage stage, SideInput sideInput, WindowingStrategy main) {
    try {
      WindowMapping mapping =
          DefaultWindowMapping.of(
              strategy(sideInput), WireCoders.window(components, main.getWindowCoderId()));
      return mapping == null
          ? askedMappings.of(
              new StageId(stage.id()),
              new SdkWindowMapper.Mapping(
                  "map_windows:" + sideInput.transform() + ":" + sideInput.sideInputId(),
                  name(sideInput),
                  mappingFn(sideInput),
                  main.getWindowCoderId(),
                  sideInput.windowCoderId(),
                  stage.environmentId()))
          : mapping;
    } catch (IllegalArgumentException unusable) {
      throw refusal(sideInput, unusable);
    }
  }

  private FunctionSpec mappingFn(SideInput sideInput) {
    try {
      return ParDoPayload.parseFrom(
              components.getTransformsOrThrow(sideInput.transform().value()).getSpec().getPayload())
          .getSideInputsOrThrow(sideInput.sideInputId())
          .getWindowMappingFn();
    } catch (InvalidProtocolBufferException malformed) {
      throw new IllegalArgumentException("malformed payload", malformed);
    }
  }

  // ---- panes ----

  /** The edges between the stages that make panes. */
  List<EdgeId> addedEdges() {
    List<EdgeId> edges = new ArrayList<>();
    for (Panes way : panes.values()) {
      edges.add(way.keylessEdge());
      edges.add(way.paneEdge());
    }
    return edges;
  }

  /** The stages that make panes for this stage, and were not made for one before. */
  AddedStages stagesBefore(SdkStage stage, PaneGroupings groupings) {
    AddedStages added =
        new AddedStages(new ArrayList<>(), new LinkedHashMap<>(), new LinkedHashMap<>());
    for (SideInput sideInput : stage.sideInputs()) {
      Panes way = panes.get(PanesKey.of(sideInput));
      if (way == null || !made.add(way.id)) {
        continue;
      }
      try {
        add(way, groupings, added);
      } catch (IllegalArgumentException unusable) {
        throw refusal(sideInput, unusable);
      }
    }
    return added;
  }

  private static StageId groupingId(Panes way) {
    return new StageId(way.id + "-grouping");
  }

  private void add(Panes way, PaneGroupings groupings, AddedStages added) {
    StageId keyless = new StageId(way.id + "-keyless");
    EdgeFormat input = way.values.withEmptyKey();
    StageOutput keylessOutput =
        new StageOutput(new EdgeTarget(way.keylessEdge(), input, 0, 1, keyGroups), blocks);
    StageOutput paneOutput =
        new StageOutput(
            new EdgeTarget(
                way.paneEdge(), way.values.panes(), way.stores.size(), 0, keyGroups, true),
            blocks);
    List<EdgeId> inputs = way.inputs.stream().map(SideInputPlan::edgeId).toList();
    added.specs.add(spec(keyless, false, inputs, way.keylessEdge()));
    added.stages.put(keyless, new KeylessStage(keylessOutput));
    added.names.put(keyless, way.id + ": all in one group");
    added.specs.add(spec(groupingId(way), true, List.of(way.keylessEdge()), way.paneEdge()));
    added.stages.put(groupingId(way), groupings.of(way.id, input, way.triggering, paneOutput));
    added.names.put(groupingId(way), way.id + ": grouped by window");
  }

  private static StageSpec spec(StageId id, boolean keyed, List<EdgeId> inputs, EdgeId output) {
    return new StageSpec(
        id, JobGraph.RUNNER_POOL, keyed, false, inputs, List.of(), List.of(output));
  }
}
