package org.trestle.fn.state;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnStateGrpc;

/**
 * Serves {@code BeamFnState}: passes requests on and writes the answers back, with flow control.
 */
public final class StateService extends BeamFnStateGrpc.BeamFnStateImplBase {
  /** How many requests of a stream may be under way. */
  private static final int MAX_UNDER_WAY = 256;

  private static final int READY_THRESHOLD = 1 << 20;

  private final Supplier<? extends StatePeer> caller;

  /**
   * @param caller the harness behind the current gRPC call
   */
  public StateService(Supplier<? extends StatePeer> caller) {
    this.caller = caller;
  }

  @Override
  public StreamObserver<StateRequest> state(StreamObserver<StateResponse> outbound) {
    StatePeer peer = caller.get();
    var call = (ServerCallStreamObserver<StateResponse>) outbound;
    Replies replies = new Replies(call);
    call.setOnReadyThreshold(READY_THRESHOLD);
    call.setOnReadyHandler(replies::requestMore);
    call.setOnCancelHandler(() -> {});
    call.disableAutoRequest();
    call.request(MAX_UNDER_WAY);
    return new StreamObserver<>() {
      @Override
      public void onNext(StateRequest request) {
        peer.state(request, replies::send);
      }

      @Override
      public void onError(Throwable error) {
        replies.close();
      }

      @Override
      public void onCompleted() {
        replies.inputEnded();
      }
    };
  }

  /** The outbound half of a state stream. */
  private static final class Replies {
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final ServerCallStreamObserver<StateResponse> call;

    /** Answered requests for which no new one has been asked for yet. */
    @GuardedBy("lock")
    private int credits;

    @GuardedBy("lock")
    private boolean closed;

    Replies(ServerCallStreamObserver<StateResponse> call) {
      this.call = call;
    }

    void send(StateResponse response) {
      synchronized (lock) {
        if (closed || call.isCancelled()) {
          return;
        }
        call.onNext(response);
        credits++;
        requestMore();
      }
    }

    void requestMore() {
      synchronized (lock) {
        if (credits > 0 && !closed && call.isReady()) {
          call.request(credits);
          credits = 0;
        }
      }
    }

    /** The harness sends no more; answers still under way are of no use to it. */
    void inputEnded() {
      synchronized (lock) {
        if (!closed && !call.isCancelled()) {
          call.onCompleted();
        }
        closed = true;
      }
    }

    void close() {
      synchronized (lock) {
        closed = true;
      }
    }
  }
}
