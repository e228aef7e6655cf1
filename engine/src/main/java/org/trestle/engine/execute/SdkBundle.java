package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.LongSupplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.BundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.DelayedBundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.execute.SdkStageRuntime.SideInputId;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.state.SideInputStore;
import org.trestle.engine.state.UserState;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.wire.WireFormatException;

/**
 * One bundle of an SDK stage: its input, its state, and what it writes, private until the commit.
 *
 * <p>Output calls never overlap; {@link #finish} follows the last of them. {@link #commit} and
 * {@link #discard} are called on the job's loop, one of them, once.
 */
final class SdkBundle implements BundleReceiver {
  /** Input is sent in pieces of about this size, so that several bundles share a data stream. */
  private static final int INPUT_CHUNK_BYTES = 1 << 20;

  /**
   * What a finished bundle has to commit.
   *
   * @param metrics of the runner
   */
  record Outcome(
      BundleResult result, ProcessBundleResponse response, List<MonitoringInfo> metrics) {}

  private final SdkStageRuntime stage;
  private final BundleWork work;
  private final Mode mode;
  private final BundleClock clock;

  /** Owned by the job's loop. */
  private final SplitInput input;

  private final Map<String, EdgeWriter> writers = new LinkedHashMap<>();

  /** Of each timer, what the bundle did with it last: many set a timer again at each element. */
  private final Map<TimerKey, TimerUpdate> timerUpdates = new LinkedHashMap<>();

  private final UserState.@Nullable Lease state;
  private final @Nullable BundleWindows windows;
  private final Map<SideInputId, SideInputStore.Version> sideInputs;
  private volatile @Nullable RuntimeException problem;

  /** How many elements of the input are wanted: fewer when the rest was given back. */
  private volatile long wanted = Long.MAX_VALUE;

  /**
   * How a bundle is run.
   *
   * @param workerSeesAllWrites whether no other worker changes the stage's state
   * @param draining whether restrictions are truncated before they are processed
   * @param clockShift by how much the job's processing time is ahead of the SDK's, in milliseconds
   */
  record Mode(boolean workerSeesAllWrites, boolean draining, LongSupplier clockShift) {}

  SdkBundle(SdkStageRuntime stage, BundleWork work, Mode mode, BundleClock clock) {
    this.stage = stage;
    this.work = work;
    this.mode = mode;
    this.clock = clock;
    this.input = new SplitInput(work.elements());
    stage.outputs().forEach((sink, output) -> writers.put(sink, output.newWriter()));
    UserState userState = stage.userState();
    WindowExpiry expiry = stage.expiry();
    this.state = userState == null ? null : userState.open();
    this.sideInputs = stage.openSideInputs();
    this.windows = expiry == null ? null : new BundleWindows(expiry, work.inputWatermark());
  }

  /** Whether there is nothing in the bundle for a worker: timers of the runner, no more. */
  boolean isForRunnerOnly() {
    return work.elements().isEmpty()
        && !work.timers().isEmpty()
        && work.timers().stream().noneMatch(this::isForSdk);
  }

  private boolean isForSdk(FiredTimer timer) {
    WindowExpiry expiry = stage.expiry();
    return !WindowExpiry.isCleanup(timer)
        && (expiry == null || !expiry.isTooLate(timer, work.inputWatermark()));
  }

  /** The data source of the input. */
  String inputTransformId() {
    return stage.sourceTransformId();
  }

  /** What the worker is asked to do. */
  BundleRequest request() {
    return new BundleRequest(
        (mode.draining() ? stage.drainDescriptor() : stage.descriptor()).getId(),
        inputs(),
        List.of(stage.sourceTransformId()),
        stage.timerEndpoints(),
        stage.outputs().keySet(),
        stage.cacheTokens(work, mode.workerSeesAllWrites(), sideInputs),
        stage.embedsElements());
  }

  private Iterator<BundleRequest.Input> inputs() {
    Iterator<ElementBlock> blocks = work.elements().iterator();
    Iterator<FiredTimer> timers = work.timers().stream().filter(this::isForSdk).iterator();
    return new Iterator<>() {
      private Iterator<ByteString> chunks = List.<ByteString>of().iterator();
      private ByteString chunk = ByteString.EMPTY;

      /** Elements before those of the chunks, and with them. */
      private long begin;

      private long end;

      @Override
      public boolean hasNext() {
        while (chunk.isEmpty()) {
          if (chunks.hasNext() && begin < wanted) {
            chunk = admit(chunks.next());
          } else if (blocks.hasNext() && end < wanted) {
            EncodedBlock block = (EncodedBlock) blocks.next();
            begin = end;
            end += block.count();
            chunks = block.chunks(INPUT_CHUNK_BYTES);
          } else {
            break;
          }
        }
        return !chunk.isEmpty() || timers.hasNext();
      }

      @Override
      public BundleRequest.Input next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        if (chunk.isEmpty()) {
          return stage.encode(shifted(timers.next()));
        }
        ByteString elements = chunk;
        chunk = ByteString.EMPTY;
        return new BundleRequest.Elements(stage.sourceTransformId(), elements);
      }
    };
  }

  private ByteString admit(ByteString elements) {
    return windows == null ? elements : windows.admit(elements);
  }

  @Override
  public void elements(String transformId, ByteString data) {
    take(
        () -> {
          EdgeWriter writer = writers.get(transformId);
          if (writer == null) {
            throw new WireFormatException("data for unknown sink transform " + transformId);
          }
          writer.append(data);
        });
  }

  @Override
  public void timers(BundleRequest.TimerEndpoint endpoint, ByteString data) {
    take(
        () -> {
          long shift = mode.clockShift().getAsLong();
          stage.decodeTimers(
              endpoint, data, update -> timerUpdates.put(update.timer(), shifted(update, shift)));
        });
  }

  /** The SDK reckons with its own clock, also where the job has another. */
  private static TimerUpdate shifted(TimerUpdate update, long shift) {
    return shift != 0
            && update instanceof TimerUpdate.Set set
            && set.domain() == TimeDomain.PROCESSING_TIME
        ? new TimerUpdate.Set(
            set.timer(), set.keyGroup(), set.domain(), set.fireAt() + shift, set.hold())
        : update;
  }

  private FiredTimer shifted(FiredTimer fired) {
    return fired.domain() == TimeDomain.PROCESSING_TIME
        ? new FiredTimer(
            fired.timer(),
            fired.keyGroup(),
            fired.domain(),
            fired.fireAt() - mode.clockShift().getAsLong(),
            fired.hold())
        : fired;
  }

  private void take(Runnable output) {
    long start = System.nanoTime();
    try {
      output.run();
    } catch (RuntimeException failure) {
      problem = failure;
      throw failure;
    } finally {
      clock.shuffledSince(start);
    }
  }

  /** Why something that the harness wrote could not be taken; null if all was. */
  @Nullable RuntimeException problem() {
    return problem;
  }

  @Override
  public StateResponse.Builder state(StateRequest request) {
    long start = System.nanoTime();
    try {
      return answer(request);
    } finally {
      clock.shuffledSince(start);
    }
  }

  @Override
  public boolean answersSoon(StateRequest request) {
    StateKey key = request.getStateKey();
    return switch (key.getTypeCase()) {
      case ITERABLE_SIDE_INPUT,
          MULTIMAP_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT -> {
        SideInputStore.Version version = sideInputs.get(SdkStageRuntime.sideInputId(key));
        yield version != null && version.answersSoon(request);
      }
      case BAG_USER_STATE,
          MULTIMAP_USER_STATE,
          MULTIMAP_KEYS_USER_STATE,
          MULTIMAP_ENTRIES_USER_STATE,
          ORDERED_LIST_USER_STATE ->
          true;
      case RUNNER, TYPE_NOT_SET -> false;
    };
  }

  private StateResponse.Builder answer(StateRequest request) {
    StateKey key = request.getStateKey();
    return switch (key.getTypeCase()) {
      case ITERABLE_SIDE_INPUT,
          MULTIMAP_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT ->
          sideInput(key).handle(request);
      case BAG_USER_STATE,
          MULTIMAP_USER_STATE,
          MULTIMAP_KEYS_USER_STATE,
          MULTIMAP_ENTRIES_USER_STATE,
          ORDERED_LIST_USER_STATE -> {
        if (state == null) {
          throw new IllegalArgumentException(
              "stage " + stage.name() + " has no user state, but its harness asks for " + key);
        }
        yield state.handle(request);
      }
      case RUNNER -> stage.groups().handle(request);
      case TYPE_NOT_SET -> throw new IllegalArgumentException("unknown kind of state key");
    };
  }

  private SideInputStore.Version sideInput(StateKey key) {
    SideInputId id = SdkStageRuntime.sideInputId(key);
    SideInputStore.Version version = sideInputs.get(id);
    if (version == null) {
      throw new IllegalArgumentException(
          "transform %s has no side input %s in stage %s"
              .formatted(id.transformId(), id.name(), stage.name()));
    }
    return version;
  }

  /** Collects what the bundle wrote, after its last output. */
  Outcome finish(ProcessBundleResponse response) {
    List<EdgeOutput> outputs = new ArrayList<>();
    writers.values().forEach(writer -> outputs.add(writer.finish()));
    List<Residual> residuals = new ArrayList<>();
    response.getResidualRootsList().forEach(root -> residual(root, residuals));
    return new Outcome(
        new BundleResult(work.id(), outputs, timers(), residuals), response, metrics());
  }

  private List<TimerUpdate> timers() {
    WindowExpiry expiry = stage.expiry();
    if (windows == null || expiry == null) {
      return List.copyOf(timerUpdates.values());
    }
    List<TimerUpdate> all = new ArrayList<>(windows.timers());
    timerUpdates.values().forEach(update -> all.add(expiry.restrict(update)));
    for (FiredTimer timer : work.timers()) {
      if (WindowExpiry.isCleanup(timer)) {
        // What still waits for processing time would come too late.
        all.add(new TimerUpdate.ClearWindow(timer.timer(), timer.keyGroup()));
      }
    }
    return all;
  }

  private List<MonitoringInfo> metrics() {
    long dropped = windows == null ? 0 : windows.dropped();
    return dropped == 0
        ? List.of()
        : List.of(DroppedElements.ofState(stage.transformId(), dropped));
  }

  /**
   * What a bundle keeps and what it gives back.
   *
   * @param residuals may run at once
   * @param continuations run when the bundle has ended
   */
  record Split(
      List<ElementBlock> primary,
      List<Residual> residuals,
      List<Residual> continuations,
      List<ElementBlock> replaced) {

    /** What has to run if the bundle fails, in this order. */
    List<ElementBlock> uncommitted() {
      List<ElementBlock> blocks = new ArrayList<>(primary);
      continuations.forEach(continuation -> blocks.add(continuation.block()));
      return blocks;
    }
  }

  /**
   * Reads how the harness has split the bundle; null if it has not. From then on no more blocks are
   * sent than what the bundle keeps of the input; the harness passes over the rest of the last one.
   *
   * @param shared whether the bundle goes on with its part of a restriction while another one works
   *     on the rest; else it ends soon, and the rest waits for that
   * @throws WireFormatException if the split is not one of the bundle's input
   */
  @Nullable Split split(ProcessBundleSplitResponse response, boolean shared) {
    if (response.getChannelSplitsCount() == 0) {
      return null;
    }
    ProcessBundleSplitResponse.ChannelSplit channel = response.getChannelSplits(0);
    if (response.getResidualRootsCount() == 0
        && input.keepsAll(channel.getLastPrimaryElement(), channel.getFirstResidualElement())) {
      return null;
    }
    List<ElementBlock> rest = new ArrayList<>();
    for (BundleApplication root : response.getPrimaryRootsList()) {
      rest.addAll(stage.inputBlocks(root.getElement()));
    }
    SplitInput.Cut parts =
        input.cut(channel.getLastPrimaryElement(), channel.getFirstResidualElement(), rest);
    wanted = Math.min(wanted, channel.getFirstResidualElement());
    List<ElementBlock> primary = new ArrayList<>(parts.kept());
    primary.addAll(rest);
    List<Residual> residuals = new ArrayList<>();
    for (ElementBlock block : parts.givenBack()) {
      residuals.add(new Residual(block, 0, block.minTimestamp()));
    }
    List<Residual> continuations = new ArrayList<>();
    response
        .getResidualRootsList()
        .forEach(root -> residual(root, shared ? residuals : continuations));
    return new Split(primary, residuals, continuations, parts.replaced());
  }

  /** How many elements the harness has of the bundle, as it counts them. */
  long elementsLeft() {
    return input.elements();
  }

  private void residual(DelayedBundleApplication root, List<Residual> residuals) {
    BundleApplication application = root.getApplication();
    long hold = EventTime.MAX;
    for (var watermark : application.getOutputWatermarksMap().values()) {
      hold = Math.min(hold, millis(watermark.getSeconds(), watermark.getNanos()));
    }
    if (application.getOutputWatermarksCount() == 0) {
      hold = EventTime.MIN;
    }
    var delay = root.getRequestedTimeDelay();
    long delayMillis = delay.getSeconds() * 1000 + delay.getNanos() / 1_000_000;
    for (ElementBlock block : stage.inputBlocks(application.getElement())) {
      residuals.add(new Residual(block, Math.max(0, delayMillis), hold));
    }
  }

  private static long millis(long seconds, int nanos) {
    if (seconds <= EventTime.MIN / 1000) {
      return EventTime.MIN;
    }
    if (seconds >= EventTime.MAX / 1000) {
      return EventTime.MAX;
    }
    return seconds * 1000 + nanos / 1_000_000;
  }

  /** Makes the bundle's state changes visible. */
  void commit() {
    sideInputs.values().forEach(SideInputStore.Version::close);
    if (state != null) {
      state.commit();
    }
    UserState userState = stage.userState();
    for (FiredTimer timer : work.timers()) {
      if (userState != null && WindowExpiry.isCleanup(timer)) {
        userState.remove(timer.timer().window(), timer.timer().key());
      }
    }
  }

  /** Drops everything the bundle wrote. */
  void discard() {
    writers.values().forEach(EdgeWriter::discard);
    sideInputs.values().forEach(SideInputStore.Version::close);
    if (state != null) {
      state.discard();
      stage.stateWasDiscarded();
    }
  }
}
