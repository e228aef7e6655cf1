package org.trestle.engine.execute;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.schedule.JobPlan;
import org.trestle.engine.core.schedule.JobPlan.StageSpec;
import org.trestle.engine.core.schedule.JobPlan.TestStreamSpec;
import org.trestle.engine.execute.SdkStageRuntime.SideInputId;
import org.trestle.engine.execute.merge.SdkWindowMapper;
import org.trestle.engine.execute.merge.SdkWindowMerger;
import org.trestle.engine.fuse.Edge;
import org.trestle.engine.fuse.FusedPipeline;
import org.trestle.engine.fuse.GroupByKeyStage;
import org.trestle.engine.fuse.SdkStage;
import org.trestle.engine.fuse.SideInput;
import org.trestle.engine.fuse.SortByTimeStage;
import org.trestle.engine.fuse.Stage;
import org.trestle.engine.fuse.TestStream;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.graph.TransformId;
import org.trestle.engine.operator.TriggeredGrouping;
import org.trestle.engine.operator.Triggering;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.GroupTable;
import org.trestle.engine.shuffle.Grouping;
import org.trestle.engine.shuffle.PaneStore;
import org.trestle.engine.shuffle.SortTable;
import org.trestle.engine.state.GroupPages;
import org.trestle.engine.state.SideInputStore;
import org.trestle.engine.state.SideInputTable;
import org.trestle.engine.state.StateFormats;
import org.trestle.engine.state.UserState;
import org.trestle.engine.windowing.SessionMerging;
import org.trestle.engine.windowing.WindowMapping;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowingStrategySpec;
import org.trestle.engine.windowing.WindowingStrategySpec.WindowFnKind;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WindowedValueWriter;
import org.trestle.fn.wire.WireCoder;
import org.trestle.fn.wire.WireCoders;
import org.trestle.proto.Urns;

/** Makes a {@link JobGraph}: formats of edges, stores of stages, and the core's plan. */
final class JobGraphBuilder {
  /** The empty byte string in the bytes coder's nested form: its length. */
  private static final byte[] EMPTY_BYTES_NESTED = {0};

  private static final Duration MERGE_DEADLINE = Duration.ofMinutes(5);

  private final FusedPipeline fused;
  private final JobContext context;
  private final Components components;
  private final BlockStore blocks;
  private final Map<String, Stage> stages = new LinkedHashMap<>();
  private final Map<PCollectionId, StageOutput> edges = new LinkedHashMap<>();
  private final SideInputPlan sideInputs;
  private final GateEvents gates = new GateEvents();
  private final List<ProcessBundleDescriptor> helperDescriptors = new ArrayList<>();
  private final Set<String> helperEnvironments = new LinkedHashSet<>();

  JobGraphBuilder(FusedPipeline fused, JobContext context) {
    this.fused = fused;
    this.context = context;
    this.components = fused.components();
    this.blocks = new BlockStore(context.memory(), context.spill());
    this.sideInputs =
        new SideInputPlan(
            fused, blocks, context.options().keyGroups(), this::format, this::askedMapping);
  }

  /**
   * Makes all parts of the job.
   *
   * @throws org.trestle.engine.shuffle.SpillException if the disk fails; nothing is held then
   */
  JobGraph build() {
    try {
      return assemble();
    } catch (RuntimeException failure) {
      blocks.close();
      throw failure;
    }
  }

  private JobGraph assemble() {
    fused.stages().forEach(stage -> stages.put(stage.id(), stage));
    fused.edges().values().forEach(edge -> edges.put(edge.id(), stageOutput(edge)));
    Map<StageId, SdkStageRuntime> sdkStages = new LinkedHashMap<>();
    Map<StageId, RunnerStage> runnerStages = new LinkedHashMap<>();
    Map<StageId, StageFigures> figures = new LinkedHashMap<>();
    List<StageSpec> specs = new ArrayList<>();
    for (Stage stage : fused.stages()) {
      StageId id = new StageId(stage.id());
      if (stage instanceof SdkStage sdk) {
        SideInputPlan.AddedStages added = sideInputs.stagesBefore(sdk, this::triggered);
        specs.addAll(added.specs());
        runnerStages.putAll(added.stages());
        added.names().forEach((i, name) -> figures.put(i, runnerFigures(name)));
        sdkStages.put(id, sdkStage(sdk));
        figures.put(id, figures(sdk));
        specs.add(spec(sdk));
      } else if (stage instanceof GroupByKeyStage grouping) {
        runnerStages.put(id, grouping(grouping));
        figures.put(id, runnerFigures(grouping.transform()));
        specs.add(runnerSpec(grouping, !isTriggered(grouping)));
      } else if (stage instanceof SortByTimeStage sorting) {
        runnerStages.put(id, sorting(sorting));
        figures.put(id, runnerFigures(sorting.transform()));
        specs.add(runnerSpec(sorting, false));
      }
    }
    List<EdgeId> edgeIds = new ArrayList<>();
    List<EdgeOutput> initial = new ArrayList<>();
    for (Edge edge : fused.edges().values()) {
      edgeIds.add(edgeId(edge.id()));
      if (edge.impulse()) {
        initial.add(impulse(output(edge.id())));
      }
    }
    edgeIds.addAll(sideInputs.addedEdges());
    Map<String, TestStreamSource> testStreams = new LinkedHashMap<>();
    List<TestStreamSpec> testStreamSpecs = new ArrayList<>();
    boolean ownClock = false;
    for (TestStream stream : fused.testStreams()) {
      TestStreamSource source = testStream(stream);
      ownClock |= source.movesClock();
      testStreams.put(stream.transform().value(), source);
      testStreamSpecs.add(
          new TestStreamSpec(
              stream.transform().value(), edgeIds(List.copyOf(stream.outputs().values()))));
    }
    JobPlan plan =
        new JobPlan(
            specs, edgeIds, initial, context.options().keyGroups(), testStreamSpecs, ownClock);
    return new JobGraph(
        fused,
        plan,
        sdkStages,
        runnerStages,
        figures,
        sideInputs.contents(),
        blocks,
        testStreams,
        helperDescriptors,
        helperEnvironments,
        gates);
  }

  private String nameOf(TransformId transform) {
    return components.getTransformsOrThrow(transform.value()).getUniqueName();
  }

  private StageFigures runnerFigures(TransformId transform) {
    return runnerFigures(nameOf(transform));
  }

  private static StageFigures runnerFigures(String name) {
    return new StageFigures(name, List.of(name), JobGraph.RUNNER_POOL);
  }

  private StageFigures figures(SdkStage stage) {
    List<String> names = new ArrayList<>();
    stage
        .transforms()
        .forEach(
            id -> names.add(stage.descriptor().getTransformsOrThrow(id.value()).getUniqueName()));
    return new StageFigures(stage.name(), names, stage.environmentId());
  }

  private static EdgeId edgeId(PCollectionId id) {
    return new EdgeId(id.value());
  }

  private static List<EdgeId> edgeIds(List<PCollectionId> ids) {
    return ids.stream().map(JobGraphBuilder::edgeId).toList();
  }

  private Stage stage(String id) {
    Stage stage = stages.get(id);
    if (stage == null) {
      throw new IllegalArgumentException("no stage " + id);
    }
    return stage;
  }

  private StageOutput output(PCollectionId id) {
    StageOutput output = edges.get(id);
    if (output == null) {
      throw new IllegalArgumentException("no edge " + id);
    }
    return output;
  }

  private StageOutput stageOutput(Edge edge) {
    int keyed = 0;
    int plain = 0;
    for (String consumer : edge.consumers()) {
      Stage stage = stage(consumer);
      int times = Collections.frequency(stage.inputs(), edge.id());
      if (stage instanceof SdkStage sdk && !sdk.keyed()) {
        plain += times;
      } else {
        keyed += times;
      }
    }
    plain += sideInputs.readers(edge);
    return new StageOutput(
        new EdgeTarget(
            edgeId(edge.id()),
            format(edge),
            plain,
            keyed,
            context.options().keyGroups(),
            sideInputs.byWindow(edge),
            edge.paged()),
        blocks);
  }

  private EdgeFormat format(SideInput sideInput) {
    return format(
        sideInput.windowCoderId(),
        sideInput.wireCoderId(),
        sideInput.keyCoderId(),
        sideInput.valueCoderId());
  }

  private WindowMapping askedMapping(StageId stage, SdkWindowMapper.Mapping mapping) {
    SdkWindowMapper mapper =
        new SdkWindowMapper(
            components,
            mapping,
            context.endpoint(),
            helperDescriptors::add,
            () -> context.liveWorkers().await(mapping.environmentId(), MERGE_DEADLINE),
            MERGE_DEADLINE);
    return new AskedWindowMapping(
        WireCoders.window(components, mapping.mainWindowCoderId()),
        mapper::map,
        context.runnerThreads(),
        failure -> gates.moved(stage, failure));
  }

  private TriggeredStage triggered(
      String transformId, EdgeFormat input, Triggering triggering, StageOutput output) {
    return new TriggeredStage(
        transformId,
        new TriggeredGrouping(
            input,
            triggering,
            transformId,
            context.options().keyGroups(),
            new PaneStore(context.memory(), context.spill())),
        output);
  }

  private EdgeFormat format(Edge edge) {
    return format(edge.windowCoderId(), edge.wireCoderId(), edge.keyCoderId(), edge.valueCoderId());
  }

  private EdgeFormat format(
      String windowCoderId,
      String wireCoderId,
      @Nullable String keyCoderId,
      @Nullable String valueCoderId) {
    WindowCoder window = WireCoders.window(components, windowCoderId);
    return keyCoderId == null || valueCoderId == null
        ? new EdgeFormat(window, WireCoders.of(components, wireCoderId), null)
        : new EdgeFormat(
            window, WireCoders.of(components, valueCoderId), WireCoders.of(components, keyCoderId));
  }

  private static EdgeOutput impulse(StageOutput edge) {
    ByteSink bytes = new ByteSink();
    new WindowedValueWriter(bytes)
        .header(EventTime.MIN, new byte[0], Panes.NO_FIRING)
        .value(EMPTY_BYTES_NESTED);
    EdgeWriter writer = edge.newWriter();
    writer.append(bytes.toByteString());
    return writer.finish();
  }

  private TestStreamSource testStream(TestStream stream) {
    TestStreamEvents events = new TestStreamEvents(stream, this::output);
    return stream.payload().hasEndpoint() && !stream.payload().getEndpoint().getUrl().isEmpty()
        ? new ServedTestStream(stream, events)
        : new StoredTestStream(stream.payload().getEventsList(), events);
  }

  private SdkStageRuntime sdkStage(SdkStage stage) {
    Map<String, StageOutput> outputs = new LinkedHashMap<>();
    stage.sinks().forEach((sink, edge) -> outputs.put(sink, output(edge)));
    Map<SideInputId, SideInputStore> tablesOfStage = new LinkedHashMap<>();
    for (SideInput sideInput : stage.sideInputs()) {
      tablesOfStage.put(
          new SideInputId(sideInput.transform().value(), sideInput.sideInputId()),
          sideInputs.store(sideInput));
    }
    EdgeTarget first = output(stage.inputs().get(0)).target();
    StageOutput input =
        new StageOutput(
            new EdgeTarget(first.edge(), first.format(), 1, 0, 1, sideInputs.waits(stage)), blocks);
    Environment environment = components.getEnvironmentsOrThrow(stage.environmentId());
    boolean embeds =
        environment
            .getCapabilitiesList()
            .contains(Urns.SdkCapabilities.CONTROL_REQUEST_ELEMENTS_EMBEDDING);
    return new SdkStageRuntime(
        stage,
        input,
        outputs,
        tablesOfStage,
        timers(stage),
        stage.userStates().isEmpty() ? null : userState(stage),
        expiry(stage),
        new GroupPages(blocks.groups(), GroupPages.DEFAULT_PAGE_BYTES),
        embeds);
  }

  private @Nullable WindowExpiry expiry(SdkStage stage) {
    List<String> callbacks = new ArrayList<>();
    for (var family : stage.timerFamilies()) {
      if (family.onWindowExpiration()) {
        callbacks.add(TimerFamily.nameOf(family));
      }
    }
    boolean stateful = !stage.userStates().isEmpty() || !stage.timerFamilies().isEmpty();
    boolean unbounded = isUnbounded(stage.source());
    if (callbacks.isEmpty() && !(stateful && unbounded)) {
      return null;
    }
    Edge input = fused.edge(stage.inputs().get(0));
    return new WindowExpiry(
        format(input),
        components.getWindowingStrategiesOrThrow(input.windowingStrategyId()).getAllowedLateness(),
        callbacks,
        unbounded,
        context.options().keyGroups());
  }

  private UserState userState(SdkStage stage) {
    Map<StateName, WireCoder> coders = new HashMap<>();
    for (var state : stage.userStates()) {
      StateName name = new StateName(state.transform().value(), state.stateId());
      String coderId = state.valueCoderId();
      if (coderId != null) {
        coders.put(name, WireCoders.of(components, coderId));
      } else if (state.spec().hasMapSpec() || state.spec().hasSetSpec()) {
        coders.put(name, StateFormats.ONE_VALUE);
      }
    }
    return new UserState(
        (transform, state) -> coders.get(new StateName(transform, state)),
        context.memory(),
        context.spill(),
        SideInputTable.DEFAULT_PAGE_BYTES);
  }

  private record StateName(String transform, String userState) {}

  private Map<TimerEndpoint, TimerFamily> timers(SdkStage stage) {
    Map<TimerEndpoint, TimerFamily> timers = new LinkedHashMap<>();
    for (var family : stage.timerFamilies()) {
      String transform = family.transform().value();
      timers.put(
          new TimerEndpoint(transform, family.familyId()),
          new TimerFamily(
              TimerFamily.nameOf(family),
              family.domain() == RunnerApi.TimeDomain.Enum.PROCESSING_TIME
                  ? TimeDomain.PROCESSING_TIME
                  : TimeDomain.EVENT_TIME,
              WireCoders.of(components, family.keyCoderId()),
              WireCoders.window(components, family.windowCoderId()),
              context.options().keyGroups()));
    }
    return timers;
  }

  private RunnerStage grouping(GroupByKeyStage stage) {
    Edge input = fused.edge(stage.inputs().get(0));
    WindowingStrategySpec windowing = windowing(stage);
    WindowMerger merger = merger(stage.windowingStrategyId(), windowing);
    if (isTriggered(stage)) {
      return triggered(
          stage.transform().value(),
          format(input),
          hasUnboundedInput(stage)
              ? Triggering.of(windowing, merger)
              : Triggering.ofBounded(windowing, merger),
          output(stage.output()));
    }
    Grouping grouping = new Grouping(format(input), windowing.outputTime(), merger);
    GroupTable table =
        new GroupTable(grouping, context.options().keyGroups(), context.memory(), context.spill());
    return new GroupingStage(table, output(stage.output()));
  }

  /** Whether panes may come before the end of the input, or several for a window. */
  private boolean isTriggered(GroupByKeyStage stage) {
    return hasUnboundedInput(stage) || !windowing(stage).onePaneOfBoundedInput();
  }

  private boolean hasUnboundedInput(GroupByKeyStage stage) {
    return stage.inputs().stream().anyMatch(this::isUnbounded);
  }

  private boolean isUnbounded(PCollectionId id) {
    return components.getPcollectionsOrThrow(id.value()).getIsBounded()
        == RunnerApi.IsBounded.Enum.UNBOUNDED;
  }

  private SortingStage sorting(SortByTimeStage stage) {
    EdgeFormat format = format(fused.edge(stage.inputs().get(0)));
    int keyGroups = context.options().keyGroups();
    return new SortingStage(
        new SortTable(format, keyGroups, context.memory(), context.spill()),
        format,
        components.getWindowingStrategiesOrThrow(stage.windowingStrategyId()).getAllowedLateness(),
        output(stage.output()),
        stage.consumer().value());
  }

  private WindowingStrategySpec windowing(GroupByKeyStage stage) {
    try {
      return WindowingStrategySpec.parse(
          components.getWindowingStrategiesOrThrow(stage.windowingStrategyId()),
          coderId -> WireCoders.window(components, coderId));
    } catch (IllegalArgumentException unusable) {
      throw new IllegalArgumentException(
          "transform \"%s\", windowing strategy \"%s\": %s"
              .formatted(
                  nameOf(stage.transform()), stage.windowingStrategyId(), unusable.getMessage()),
          unusable);
    }
  }

  private @Nullable WindowMerger merger(String strategyId, WindowingStrategySpec windowing) {
    if (!windowing.merging()) {
      return null;
    }
    if (windowing.kind() == WindowFnKind.SESSIONS) {
      return new SessionMerging();
    }
    helperEnvironments.add(windowing.environment());
    return new SdkWindowMerger(
        components,
        strategyId,
        context.endpoint(),
        helperDescriptors::add,
        () -> context.liveWorkers().any(windowing.environment()),
        MERGE_DEADLINE);
  }

  private StageSpec spec(SdkStage stage) {
    return new StageSpec(
        new StageId(stage.id()),
        stage.environmentId(),
        stage.keyed(),
        false,
        edgeIds(stage.inputs()),
        sideInputs.edges(stage),
        edgeIds(stage.outputs()),
        sideInputs.gate(stage));
  }

  private static StageSpec runnerSpec(Stage stage, boolean closes) {
    return new StageSpec(
        new StageId(stage.id()),
        JobGraph.RUNNER_POOL,
        true,
        closes,
        edgeIds(stage.inputs()),
        List.of(),
        edgeIds(stage.outputs()));
  }
}
