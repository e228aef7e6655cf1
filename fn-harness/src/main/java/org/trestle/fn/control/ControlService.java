package org.trestle.fn.control;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.GetProcessBundleDescriptorRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnControlGrpc;

/** Serves {@code BeamFnControl}: binds control streams to the harness that opened them. */
public final class ControlService extends BeamFnControlGrpc.BeamFnControlImplBase {
  private final Supplier<? extends ControlPeer> caller;

  /**
   * @param caller the harness behind the current gRPC call
   */
  public ControlService(Supplier<? extends ControlPeer> caller) {
    this.caller = caller;
  }

  @Override
  public StreamObserver<InstructionResponse> control(StreamObserver<InstructionRequest> outbound) {
    ControlPeer peer = caller.get();
    var call = (ServerCallStreamObserver<InstructionRequest>) outbound;
    call.setOnCancelHandler(() -> {});
    ControlStream stream = new ControlStream(call);
    if (!peer.controlOpened(stream)) {
      call.onError(
          Status.ALREADY_EXISTS
              .withDescription("this worker already has a control stream")
              .asRuntimeException());
      return new IgnoringObserver<>();
    }
    return new StreamObserver<>() {
      @Override
      public void onNext(InstructionResponse response) {
        peer.responded(response);
      }

      @Override
      public void onError(Throwable error) {
        peer.controlClosed("its control stream broke");
      }

      @Override
      public void onCompleted() {
        peer.controlClosed("it closed its control stream");
        stream.close();
      }
    };
  }

  @Override
  public void getProcessBundleDescriptor(
      GetProcessBundleDescriptorRequest request, StreamObserver<ProcessBundleDescriptor> response) {
    String id = request.getProcessBundleDescriptorId();
    ProcessBundleDescriptor descriptor = caller.get().descriptor(id);
    if (descriptor == null) {
      response.onError(
          Status.NOT_FOUND
              .withDescription("no process bundle descriptor '" + id + "' for this worker")
              .asRuntimeException());
      return;
    }
    response.onNext(descriptor);
    response.onCompleted();
  }

  /** Swallows what still arrives on a refused call. */
  private static final class IgnoringObserver<T> implements StreamObserver<T> {
    @Override
    public void onNext(T value) {}

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }
}
