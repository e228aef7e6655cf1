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
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.GetProcessBundleDescriptorRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey.BagUserState;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnControlGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnDataGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnStateGrpc;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.trestle.proto.Urns;

/**
 * Stands in for an SDK harness: reads the input of a bundle to its end, reads and writes the state
 * of each element's key if a transform has state, and writes the same pairs of byte strings to each
 * output. Safe for use by several threads; what the runner does not take is dropped, as the job it
 * belongs to then fails on the runner's side.
 */
final class RehearsalHarness implements AutoCloseable {
  private static final Metadata.Key<String> WORKER_ID =
      Metadata.Key.of("worker_id", Metadata.ASCII_STRING_MARSHALLER);

  private static final int PAIRS = 200;
  private static final int KEYS = 20;

  /** Of each encoded pair: where its key starts and ends, and how many bytes it has. */
  private static final int KEY_START = 13;

  private static final int KEY_END = 15;
  private static final int PAIR_BYTES = 17;
  private static final ByteString OUTPUT = output();
  private static final StateAppendRequest ADDED =
      StateAppendRequest.newBuilder().setData(ByteString.copyFrom(new byte[] {1, 7})).build();

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
    private boolean inputEnded;
    private boolean asked;
    private int unanswered;
  }

  /** Connects to a runner that expects the worker. */
  RehearsalHarness(String endpoint, String workerId) {
    Metadata headers = new Metadata();
    headers.put(WORKER_ID, workerId);
    channel =
        NettyChannelBuilder.forTarget(endpoint)
            .usePlaintext()
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
        bundle.inputEnded = true;
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
    if (bundle == null || !bundle.inputEnded || bundle.descriptor.getTransformsCount() == 0) {
      return;
    }
    if (!bundle.asked) {
      bundle.asked = true;
      ask(id, bundle);
    }
    if (bundle.unanswered > 0) {
      return;
    }
    bundles.remove(id);
    ProcessBundleResponse.Builder response = ProcessBundleResponse.newBuilder();
    Elements.Builder outputs = Elements.newBuilder();
    bundle
        .descriptor
        .getTransformsMap()
        .forEach(
            (transform, definition) -> {
              response.addMonitoringInfos(count(definition));
              if (definition.getSpec().getUrn().equals(Urns.Transforms.DATA_SINK)) {
                outputs
                    .addData(block(id, transform).setData(OUTPUT))
                    .addData(block(id, transform).setIsLast(true));
              }
            });
    if (outputs.getDataCount() > 0) {
      data.onNext(outputs.build());
    }
    control.onNext(
        InstructionResponse.newBuilder().setInstructionId(id).setProcessBundle(response).build());
  }

  /** Asks for all that the bundle's stateful transforms read and write, at once. */
  @GuardedBy("this")
  private void ask(String id, Bundle bundle) {
    for (Map.Entry<String, PTransform> transform :
        bundle.descriptor.getTransformsMap().entrySet()) {
      for (String name : bags(transform.getValue())) {
        BagUserState.Builder bag =
            BagUserState.newBuilder().setTransformId(transform.getKey()).setUserStateId(name);
        for (int at = 0; at < bundle.input.size(); at += PAIR_BYTES) {
          bag.setKey(bundle.input.substring(at + KEY_START, at + KEY_END));
          StateRequest.Builder request =
              StateRequest.newBuilder()
                  .setId(id)
                  .setInstructionId(id)
                  .setStateKey(StateKey.newBuilder().setBagUserState(bag));
          bundle.unanswered += 2;
          state.onNext(request.setGet(StateGetRequest.getDefaultInstance()).build());
          state.onNext(request.setAppend(ADDED).build());
        }
      }
    }
  }

  private static Set<String> bags(PTransform definition) {
    if (!definition.getSpec().getUrn().equals(Urns.Transforms.PAR_DO)) {
      return Set.of();
    }
    try {
      return ParDoPayload.parseFrom(definition.getSpec().getPayload()).getStateSpecsMap().keySet();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a made-up transform has another payload", e);
    }
  }

  private static Elements.Data.Builder block(String instruction, String transform) {
    return Elements.Data.newBuilder().setInstructionId(instruction).setTransformId(transform);
  }

  private static MonitoringInfo count(PTransform transform) {
    return MonitoringInfo.newBuilder()
        .setUrn("beam:metric:element_count:v1")
        .setType("beam:metrics:sum_int64:v1")
        .putLabels("PCOLLECTION", transform.getUniqueName())
        .setPayload(ByteString.copyFrom(new byte[] {1}))
        .build();
  }

  /** Encodes pairs in the global window at time zero. */
  private static ByteString output() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < PAIRS; i++) {
      out.writeBytes(new byte[] {(byte) 0x80, 0, 0, 0, 0, 0, 0, 0});
      out.writeBytes(new byte[] {0, 0, 0, 1, 0x0f});
      out.writeBytes(new byte[] {1, (byte) (i % KEYS), 1, 7});
    }
    return ByteString.copyFrom(out.toByteArray());
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
