package org.trestle.fn.data;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnDataGrpc;

/**
 * Serves {@code BeamFnData}. A harness usually has one stream; more (named ones, or a new one after
 * a broken one) are routed just as well, since each element names its instruction.
 */
public final class DataService implements BindableService, BeamFnDataGrpc.AsyncService {
  /** How many bytes gRPC may hold unsent before a stream counts as not ready. */
  private static final int READY_THRESHOLD = 1 << 20;

  private static final MethodDescriptor<Elements, Elements> DATA =
      BeamFnDataGrpc.getDataMethod().toBuilder()
          .setRequestMarshaller(new ElementsMarshaller())
          .build();

  private final Supplier<? extends DataPeer> caller;
  private final Executor writers;

  /**
   * @param caller the harness behind the current gRPC call
   * @param writers where outbound elements are pulled and written
   */
  public DataService(Supplier<? extends DataPeer> caller, Executor writers) {
    this.caller = caller;
    this.writers = writers;
  }

  @Override
  public ServerServiceDefinition bindService() {
    return ServerServiceDefinition.builder(BeamFnDataGrpc.getServiceDescriptor().getName())
        .addMethod(DATA, ServerCalls.asyncBidiStreamingCall(this::data))
        .build();
  }

  @Override
  public StreamObserver<Elements> data(StreamObserver<Elements> outbound) {
    DataPeer peer = caller.get();
    var call = (ServerCallStreamObserver<Elements>) outbound;
    ElementsWriter stream = new ElementsWriter(call, writers);
    call.setOnReadyThreshold(READY_THRESHOLD);
    call.setOnReadyHandler(stream::wake);
    call.setOnCancelHandler(() -> {});
    peer.dataOpened(stream);
    return new StreamObserver<>() {
      @Override
      public void onNext(Elements elements) {
        peer.received(stream, elements);
      }

      @Override
      public void onError(Throwable error) {
        peer.dataClosed(stream, "the data stream broke");
        stream.close();
      }

      @Override
      public void onCompleted() {
        peer.dataClosed(stream, "the harness closed the data stream");
        stream.close();
      }
    };
  }
}
