package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.BundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.DelayedBundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
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
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
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
  private final boolean workerSeesAllWrites;
  private final Map<String, EdgeWriter> writers = new LinkedHashMap<>();
  private final List<TimerUpdate> timerUpdates = new ArrayList<>();
  private final UserState.@Nullable Lease state;
  private final @Nullable BundleWindows windows;
  private volatile @Nullable RuntimeException problem;

  SdkBundle(SdkStageRuntime stage, BundleWork work, boolean workerSeesAllWrites) {
    this.stage = stage;
    this.work = work;
    this.workerSeesAllWrites = workerSeesAllWrites;
    stage.outputs().forEach((sink, output) -> writers.put(sink, output.newWriter()));
    UserState userState = stage.userState();
    WindowExpiry expiry = stage.expiry();
    this.state = userState == null ? null : userState.open();
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

  /** What the worker is asked to do. */
  BundleRequest request() {
    return new BundleRequest(
        stage.descriptor().getId(),
        inputs(),
        List.of(stage.sourceTransformId()),
        stage.timerEndpoints(),
        stage.outputs().keySet(),
        stage.cacheTokens(work, workerSeesAllWrites),
        stage.embedsElements());
  }

  private Iterator<BundleRequest.Input> inputs() {
    Iterator<ElementBlock> blocks = work.elements().iterator();
    Iterator<FiredTimer> timers = work.timers().stream().filter(this::isForSdk).iterator();
    return new Iterator<>() {
      private Iterator<ByteString> chunks = List.<ByteString>of().iterator();
      private ByteString chunk = ByteString.EMPTY;

      @Override
      public boolean hasNext() {
        while (chunk.isEmpty() && (chunks.hasNext() || blocks.hasNext())) {
          if (chunks.hasNext()) {
            chunk = admit(chunks.next());
          } else {
            chunks = ((EncodedBlock) blocks.next()).chunks(INPUT_CHUNK_BYTES);
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
          return stage.encode(timers.next());
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
    take(() -> stage.decodeTimers(endpoint, data, timerUpdates));
  }

  private void take(Runnable output) {
    try {
      output.run();
    } catch (RuntimeException failure) {
      problem = failure;
      throw failure;
    }
  }

  /** Why something that the harness wrote could not be taken; null if all was. */
  @Nullable RuntimeException problem() {
    return problem;
  }

  @Override
  public StateResponse.Builder state(StateRequest request) {
    StateKey key = request.getStateKey();
    return switch (key.getTypeCase()) {
      case ITERABLE_SIDE_INPUT,
          MULTIMAP_SIDE_INPUT,
          MULTIMAP_KEYS_SIDE_INPUT,
          MULTIMAP_KEYS_VALUES_SIDE_INPUT ->
          stage.sideInput(key).handle(request);
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
      case RUNNER ->
          throw new IllegalArgumentException(
              "this runner gave out no runner state key " + key.getRunner().getKey());
      case TYPE_NOT_SET -> throw new IllegalArgumentException("unknown kind of state key");
    };
  }

  /** Collects what the bundle wrote, after its last output. */
  Outcome finish(ProcessBundleResponse response) {
    List<EdgeOutput> outputs = new ArrayList<>();
    writers.values().forEach(writer -> outputs.add(writer.finish()));
    List<Residual> residuals = new ArrayList<>();
    for (DelayedBundleApplication root : response.getResidualRootsList()) {
      residual(root, residuals);
    }
    return new Outcome(
        new BundleResult(work.id(), outputs, timers(), residuals), response, metrics());
  }

  private List<TimerUpdate> timers() {
    WindowExpiry expiry = stage.expiry();
    if (windows == null || expiry == null) {
      return timerUpdates;
    }
    List<TimerUpdate> all = new ArrayList<>(windows.timers());
    timerUpdates.forEach(update -> all.add(expiry.restrict(update)));
    return all;
  }

  private List<MonitoringInfo> metrics() {
    long dropped = windows == null ? 0 : windows.dropped();
    return dropped == 0 ? List.of() : List.of(LateData.dropped(stage.transformId(), dropped));
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
    if (state != null) {
      state.discard();
      stage.stateWasDiscarded();
    }
  }
}
