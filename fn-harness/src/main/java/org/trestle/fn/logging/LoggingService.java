package org.trestle.fn.logging;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogControl;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnLoggingGrpc;

/** Serves {@code BeamFnLogging}. Sends no control messages: the proto defines none. */
public final class LoggingService extends BeamFnLoggingGrpc.BeamFnLoggingImplBase {
  private final Supplier<? extends LoggingPeer> caller;

  /**
   * @param caller the harness behind the current gRPC call
   */
  public LoggingService(Supplier<? extends LoggingPeer> caller) {
    this.caller = caller;
  }

  @Override
  public StreamObserver<LogEntry.List> logging(StreamObserver<LogControl> outbound) {
    LoggingPeer peer = caller.get();
    var call = (ServerCallStreamObserver<LogControl>) outbound;
    call.setOnCancelHandler(() -> {});
    peer.logOpened();
    return new StreamObserver<>() {
      @Override
      public void onNext(LogEntry.List entries) {
        for (LogEntry entry : entries.getLogEntriesList()) {
          peer.logged(entry);
        }
      }

      @Override
      public void onError(Throwable error) {
        // The end of the harness is seen on its control stream.
      }

      @Override
      public void onCompleted() {
        call.onCompleted();
      }
    };
  }
}
