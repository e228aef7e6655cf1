package org.trestle.job.rehearsal;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.GetProcessBundleDescriptorRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateClearRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey.BagUserState;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnControlGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnDataGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnStateGrpc;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoTypeUrns;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.TimerWriter;
import org.trestle.proto.Urns;

/**
 * Stands in for an SDK harness: reads the input of a bundle to its end, reads a page of each side
 * input, reads and then replaces the state of each key if a transform has state, one key after the
 * other as Python does, sets a timer of each key if it has timers, and writes the same pairs of
 * byte strings to each output. Safe for use by several threads; what the runner does not take is
 * dropped, as the job it belongs to then fails on the runner's side.
 */
final class RehearsalHarness implements AutoCloseable {
  private static final Metadata.Key<String> WORKER_ID =
      Metadata.Key.of("worker_id", Metadata.ASCII_STRING_MARSHALLER);

  /** Of each encoded pair: where its encoded key is. */
  private static final int KEY_START = 13;

  private static final int KEY_BYTES = 10;

  private static final int KEY_END = KEY_START + 1 + KEY_BYTES;

  private static final ByteString COUNT = ByteString.copyFrom(new byte[] {1});

  /** Count, sum, least and most. */
  private static final ByteString DISTRIBUTION = ByteString.copyFrom(new byte[] {1, 7, 7, 7});

  /** When timers are to fire, in milliseconds. */
  private static final long TIMER = 60;

  /**
   * What harnesses write.
   *
   * @param output encoded pairs in the global window at time zero
   * @param pairBytes of each pair
   */
  record Size(ByteString output, int pairBytes) {
    /** So little that what a job costs once counts most. */
    static final Size SMALL = of(200, 50, 1);

    /** So much that the work for each key, element and byte counts. */
    static final Size LARGE = of(10_000, 1_000, 100);

    private static Size of(int pairs, int keys, int valueBytes) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      for (int i = 0; i < pairs; i++) {
        int key = i % keys;
        out.writeBytes(new byte[] {(byte) 0x80, 0, 0, 0, 0, 0, 0, 0});
        out.writeBytes(new byte[] {0, 0, 0, 1, Panes.NO_FIRING});
        out.writeBytes(new byte[] {KEY_BYTES, (byte) (key >> 8), (byte) key});
        out.writeBytes(new byte[KEY_BYTES - 2]);
        out.write(valueBytes);
        out.writeBytes(new byte[valueBytes]);
      }
      return new Size(ByteString.copyFrom(out.toByteArray()), out.size() / pairs);
    }

    /** The encoded keys of pairs, each once. */
    Set<ByteString> keys(ByteString input) {
      Set<ByteString> keys = new LinkedHashSet<>();
      for (int at = 0; at < input.size(); at += pairBytes) {
        keys.add(input.substring(at + KEY_START, at + KEY_END));
      }
      return keys;
    }
  }

  private static final StateAppendRequest ADDED =
      StateAppendRequest.newBuilder().setData(ByteString.copyFrom(new byte[] {1, 7})).build();

  private final Size size;
  private final ManagedChannel channel;
  private final BeamFnControlGrpc.BeamFnControlStub stub;

  @GuardedBy("this")
  private final StreamObserver<InstructionResponse> control;

  @GuardedBy("this")
  private final StreamObserver<Elements> data;

  @GuardedBy("this")
  private final StreamObserver<StateRequest> state;

  @GuardedBy("this")
  private final Map<String, Bundle> bundles = new HashMap<>();

  /** A bundle of which not everything has arrived. */
  private static final class Bundle {
    private ProcessBundleDescriptor descriptor = ProcessBundleDescriptor.getDefaultInstance();
    private ByteString input = ByteString.EMPTY;

    /** How many streams of elements and timers have ended. */
    private int ended;

    /**
     * What is to be asked at once, when what came before has been answered; null till all input is
     * there.
     */
    private @Nullable Queue<List<StateRequest>> questions;

    private int unanswered;
  }

  /**
   * Connects to a runner that expects the worker.
   *
   * @param size how much each bundle writes
   */
  RehearsalHarness(String endpoint, String workerId, Size size) {
    this.size = size;
    Metadata headers = new Metadata();
    headers.put(WORKER_ID, workerId);
    channel =
        NettyChannelBuilder.forTarget(endpoint)
            .usePlaintext()
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .intercept(MetadataUtils.newAttachHeadersInterceptor(headers))
            .build();
    stub = BeamFnControlGrpc.newStub(channel);
    // What arrives at once waits until all streams are known.
    synchronized (this) {
      state = BeamFnStateGrpc.newStub(channel).state(new Receiver<>(this::answered));
      data = BeamFnDataGrpc.newStub(channel).data(new Receiver<>(this::received));
      control = stub.control(new Receiver<>(this::instructed));
    }
  }

  private synchronized void instructed(InstructionRequest request) {
    String id = request.getInstructionId();
    if (!request.hasProcessBundle()) {
      control.onNext(InstructionResponse.newBuilder().setInstructionId(id).build());
      return;
    }
    bundles.computeIfAbsent(id, unused -> new Bundle());
    stub.getProcessBundleDescriptor(
        GetProcessBundleDescriptorRequest.newBuilder()
            .setProcessBundleDescriptorId(request.getProcessBundle().getProcessBundleDescriptorId())
            .build(),
        new Receiver<>(descriptor -> described(id, descriptor)));
  }

  private synchronized void described(String id, ProcessBundleDescriptor descriptor) {
    bundles.computeIfAbsent(id, unused -> new Bundle()).descriptor = descriptor;
    finishIfReady(id);
  }

  private synchronized void received(Elements elements) {
    for (Elements.Data block : elements.getDataList()) {
      String id = block.getInstructionId();
      Bundle bundle = bundles.computeIfAbsent(id, unused -> new Bundle());
      bundle.input = bundle.input.concat(block.getData());
      if (block.getIsLast()) {
        bundle.ended++;
        finishIfReady(id);
      }
    }
    for (Elements.Timers block : elements.getTimersList()) {
      String id = block.getInstructionId();
      if (block.getIsLast()) {
        bundles.computeIfAbsent(id, unused -> new Bundle()).ended++;
        finishIfReady(id);
      }
    }
  }

  private synchronized void answered(StateResponse response) {
    String id = response.getId();
    Bundle bundle = bundles.get(id);
    if (bundle != null) {
      bundle.unanswered--;
      finishIfReady(id);
    }
  }

  @GuardedBy("this")
  private void finishIfReady(String id) {
    Bundle bundle = bundles.get(id);
    if (bundle == null || bundle.unanswered > 0 || bundle.descriptor.getTransformsCount() == 0) {
      return;
    }
    Map<String, PTransform> transforms = bundle.descriptor.getTransformsMap();
    if (bundle.questions == null) {
      int families = 0;
      for (PTransform transform : transforms.values()) {
        families += payload(transform).getTimerFamilySpecsCount();
      }
      if (bundle.ended < 1 + families) {
        return;
      }
      bundle.questions = questions(id, bundle);
    }
    List<StateRequest> next = bundle.questions.poll();
    if (next != null) {
      bundle.unanswered = next.size();
      next.forEach(state::onNext);
      return;
    }
    bundles.remove(id);
    ProcessBundleResponse.Builder response = ProcessBundleResponse.newBuilder();
    Elements.Builder outputs = Elements.newBuilder();
    transforms.forEach(
        (transform, definition) -> {
          response
              .addMonitoringInfos(
                  metric(
                      definition,
                      MonitoringInfoSpecs.Enum.ELEMENT_COUNT,
                      MonitoringInfoTypeUrns.Enum.SUM_INT64_TYPE,
                      COUNT))
              .addMonitoringInfos(
                  metric(
                      definition,
                      MonitoringInfoSpecs.Enum.SAMPLED_BYTE_SIZE,
                      MonitoringInfoTypeUrns.Enum.DISTRIBUTION_INT64_TYPE,
                      DISTRIBUTION));
          if (definition.getSpec().getUrn().equals(Urns.Transforms.DATA_SINK)) {
            outputs
                .addData(block(id, transform).setData(size.output()))
                .addData(block(id, transform).setIsLast(true));
          }
          for (String family : payload(definition).getTimerFamilySpecsMap().keySet()) {
            outputs
                .addTimers(timers(id, transform, family).setTimers(timersOfKeys(bundle)))
                .addTimers(timers(id, transform, family).setIsLast(true));
          }
        });
    if (outputs.getDataCount() + outputs.getTimersCount() > 0) {
      data.onNext(outputs.build());
    }
    control.onNext(
        InstructionResponse.newBuilder().setInstructionId(id).setProcessBundle(response).build());
  }

  /** All that the bundle's transforms read of side inputs, and read and write of state. */
  private Queue<List<StateRequest>> questions(String id, Bundle bundle) {
    Queue<List<StateRequest>> questions = new ArrayDeque<>();
    bundle
        .descriptor
        .getTransformsMap()
        .forEach(
            (transform, definition) -> {
              ParDoPayload parDo = payload(definition);
              for (String name : parDo.getSideInputsMap().keySet()) {
                StateKey.IterableSideInput.Builder side =
                    StateKey.IterableSideInput.newBuilder()
                        .setTransformId(transform)
                        .setSideInputId(name);
                questions.add(
                    List.of(
                        request(id, StateKey.newBuilder().setIterableSideInput(side))
                            .setGet(StateGetRequest.getDefaultInstance())
                            .build()));
              }
              for (String name : parDo.getStateSpecsMap().keySet()) {
                BagUserState.Builder bag =
                    BagUserState.newBuilder().setTransformId(transform).setUserStateId(name);
                for (ByteString key : size.keys(bundle.input)) {
                  StateRequest.Builder request =
                      request(id, StateKey.newBuilder().setBagUserState(bag.setKey(key)));
                  questions.add(
                      List.of(request.setGet(StateGetRequest.getDefaultInstance()).build()));
                  questions.add(
                      List.of(
                          request.setClear(StateClearRequest.getDefaultInstance()).build(),
                          request.setAppend(ADDED).build()));
                }
              }
            });
    return questions;
  }

  private static StateRequest.Builder request(String id, StateKey.Builder key) {
    return StateRequest.newBuilder().setId(id).setInstructionId(id).setStateKey(key);
  }

  /** A timer of each key of which the bundle has elements. */
  private ByteString timersOfKeys(Bundle bundle) {
    TimerWriter timers = new TimerWriter(new ByteSink());
    for (ByteString key : size.keys(bundle.input)) {
      timers.set(key.toByteArray(), "", new byte[0], TIMER, TIMER, Panes.NO_FIRING);
    }
    return timers.sink().toByteString();
  }

  private static ParDoPayload payload(PTransform definition) {
    if (!definition.getSpec().getUrn().equals(Urns.Transforms.PAR_DO)) {
      return ParDoPayload.getDefaultInstance();
    }
    try {
      return ParDoPayload.parseFrom(definition.getSpec().getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a made-up transform has another payload", e);
    }
  }

  private static Elements.Data.Builder block(String instruction, String transform) {
    return Elements.Data.newBuilder().setInstructionId(instruction).setTransformId(transform);
  }

  private static Elements.Timers.Builder timers(
      String instruction, String transform, String family) {
    return Elements.Timers.newBuilder()
        .setInstructionId(instruction)
        .setTransformId(transform)
        .setTimerFamilyId(family);
  }

  private static MonitoringInfo metric(
      PTransform transform,
      MonitoringInfoSpecs.Enum metric,
      MonitoringInfoTypeUrns.Enum type,
      ByteString payload) {
    return MonitoringInfo.newBuilder()
        .setUrn(Urns.of(metric))
        .setType(Urns.of(type))
        .putLabels("PCOLLECTION", transform.getUniqueName())
        .setPayload(payload)
        .build();
  }

  @Override
  public synchronized void close() {
    control.onCompleted();
    data.onCompleted();
    state.onCompleted();
    channel.shutdown();
  }

  /** Receives messages; the end of a call needs no answer. */
  private record Receiver<T>(Consumer<T> messages) implements StreamObserver<T> {
    @Override
    public void onNext(T message) {
      messages.accept(message);
    }

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
