package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleRequest.CacheToken;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.fuse.SdkStage;
import org.trestle.engine.state.GroupPages;
import org.trestle.engine.state.SideInputStore;
import org.trestle.engine.state.UserState;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.wire.WireFormatException;

/** A fused SDK stage, ready to run bundles: immutable but for its state and caches' generation. */
final class SdkStageRuntime {

  /** A side input of a transform, as state requests name it. */
  record SideInputId(String transformId, String name) {}

  private final SdkStage plan;
  private final StageOutput input;
  private final Map<String, StageOutput> outputs;
  private final Map<SideInputId, SideInputStore> sideInputs;
  private final Map<TimerEndpoint, TimerFamily> timers;
  private final @Nullable UserState userState;
  private final @Nullable WindowExpiry expiry;
  private final GroupPages groups;
  private final boolean embedsElements;
  private final String cacheName = UUID.randomUUID().toString();
  private final AtomicLong cacheGeneration = new AtomicLong();

  /**
   * Joins a planned stage with its stores.
   *
   * @param input the format of the stage's own input, for residuals
   * @param expiry what to do about windows of elements; null if nothing
   * @param groups the values that elements refer to
   */
  SdkStageRuntime(
      SdkStage plan,
      StageOutput input,
      Map<String, StageOutput> outputs,
      Map<SideInputId, SideInputStore> sideInputs,
      Map<TimerEndpoint, TimerFamily> timers,
      @Nullable UserState userState,
      @Nullable WindowExpiry expiry,
      GroupPages groups,
      boolean embedsElements) {
    this.plan = plan;
    this.input = input;
    this.outputs = new LinkedHashMap<>(outputs);
    this.sideInputs = new LinkedHashMap<>(sideInputs);
    this.timers = new LinkedHashMap<>(timers);
    this.userState = userState;
    this.expiry = expiry;
    this.groups = groups;
    this.embedsElements = embedsElements;
  }

  String name() {
    return plan.name();
  }

  String environmentId() {
    return plan.environmentId();
  }

  ProcessBundleDescriptor descriptor() {
    return plan.descriptor();
  }

  /** The descriptor for bundles of a job that is drained. */
  ProcessBundleDescriptor drainDescriptor() {
    ProcessBundleDescriptor truncating = plan.drainDescriptor();
    return truncating == null ? plan.descriptor() : truncating;
  }

  /** Whether the stage's input is restrictions, of which a running bundle can give back a part. */
  boolean splittable() {
    return plan.traits().splittable();
  }

  String sourceTransformId() {
    return plan.sourceTransformId();
  }

  Map<String, StageOutput> outputs() {
    return outputs;
  }

  @Nullable UserState userState() {
    return userState;
  }

  /** What to do about windows of elements; null if nothing. */
  @Nullable WindowExpiry expiry() {
    return expiry;
  }

  /** The values that elements refer to. */
  GroupPages groups() {
    return groups;
  }

  /** The transform that reads the stage's input; of a stage with state, the one that has it. */
  String transformId() {
    return plan.transforms().get(0).value();
  }

  boolean embedsElements() {
    return embedsElements;
  }

  List<TimerEndpoint> timerEndpoints() {
    return List.copyOf(timers.keySet());
  }

  /** Reads elements in the format of the stage's input. */
  List<ElementBlock> inputBlocks(ByteString elements) {
    var writer = input.newWriter();
    writer.append(elements);
    return writer.finish().blocks();
  }

  /** Reads what a harness set and cleared. */
  void decodeTimers(TimerEndpoint endpoint, ByteString data, Consumer<TimerUpdate> into) {
    timer(endpoint).decode(data, into);
  }

  BundleRequest.Timers encode(FiredTimer fired) {
    for (Map.Entry<TimerEndpoint, TimerFamily> entry : timers.entrySet()) {
      if (entry.getValue().name().equals(fired.timer().family())) {
        return new BundleRequest.Timers(entry.getKey(), entry.getValue().encode(fired));
      }
    }
    throw new IllegalStateException("no timer family " + fired.timer().family());
  }

  private TimerFamily timer(TimerEndpoint endpoint) {
    TimerFamily family = timers.get(endpoint);
    if (family == null) {
      throw new WireFormatException(
          "timers for unknown family %s of transform %s"
              .formatted(endpoint.timerFamilyId(), endpoint.transformId()));
    }
    return family;
  }

  /** The side inputs as a bundle that starts now sees them; to be closed at its end. */
  Map<SideInputId, SideInputStore.Version> openSideInputs() {
    Map<SideInputId, SideInputStore.Version> versions = new LinkedHashMap<>();
    sideInputs.forEach((id, sideInput) -> versions.put(id, sideInput.open()));
    return versions;
  }

  /** The side input that a state key of any of the side input kinds names. */
  static SideInputId sideInputId(StateKey key) {
    return switch (key.getTypeCase()) {
      case ITERABLE_SIDE_INPUT ->
          new SideInputId(
              key.getIterableSideInput().getTransformId(),
              key.getIterableSideInput().getSideInputId());
      case MULTIMAP_SIDE_INPUT ->
          new SideInputId(
              key.getMultimapSideInput().getTransformId(),
              key.getMultimapSideInput().getSideInputId());
      case MULTIMAP_KEYS_SIDE_INPUT ->
          new SideInputId(
              key.getMultimapKeysSideInput().getTransformId(),
              key.getMultimapKeysSideInput().getSideInputId());
      case MULTIMAP_KEYS_VALUES_SIDE_INPUT ->
          new SideInputId(
              key.getMultimapKeysValuesSideInput().getTransformId(),
              key.getMultimapKeysValuesSideInput().getSideInputId());
      default -> throw new IllegalArgumentException("not a side input: " + key);
    };
  }

  /**
   * Tokens under which the harness may cache what it reads.
   *
   * <p>Side inputs are the same where their version is. User state may be cached from bundle to
   * bundle when one worker sees all writes and none was rolled back; else within the bundle.
   */
  List<CacheToken> cacheTokens(
      BundleWork work,
      boolean workerSeesAllWrites,
      Map<SideInputId, SideInputStore.Version> versions) {
    List<CacheToken> tokens = new ArrayList<>();
    if (userState != null) {
      String token =
          workerSeesAllWrites
              ? cacheName + "/" + cacheGeneration.get()
              : cacheName + "/bundle/" + work.id().value();
      tokens.add(
          CacheToken.newBuilder()
              .setUserState(CacheToken.UserState.getDefaultInstance())
              .setToken(ByteString.copyFromUtf8(token))
              .build());
    }
    versions.forEach(
        (id, version) ->
            tokens.add(
                CacheToken.newBuilder()
                    .setSideInput(
                        CacheToken.SideInput.newBuilder()
                            .setTransformId(id.transformId())
                            .setSideInputId(id.name()))
                    .setToken(ByteString.copyFromUtf8(cacheName + "/" + version.number()))
                    .build()));
    return tokens;
  }

  /** State that a worker may have cached was rolled back: caches of it are void. */
  void stateWasDiscarded() {
    cacheGeneration.incrementAndGet();
  }

  /** Frees the stage's state. */
  void close() {
    if (userState != null) {
      userState.close();
    }
  }
}
