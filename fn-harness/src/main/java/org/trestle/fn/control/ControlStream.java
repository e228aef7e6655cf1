package org.trestle.fn.control;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.stub.ServerCallStreamObserver;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;

/**
 * The outbound half of a control stream: one message after the other, from any thread.
 *
 * <p>It buffers what the harness has not yet read. The bound is the number of instructions the
 * callers keep in flight, times the 64 KiB that elements embedded in a request may have.
 */
public final class ControlStream {
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final ServerCallStreamObserver<InstructionRequest> call;

  @GuardedBy("lock")
  private boolean closed;

  ControlStream(ServerCallStreamObserver<InstructionRequest> call) {
    this.call = call;
  }

  /** Sends a request; does nothing once the stream is closed. */
  public void send(InstructionRequest request) {
    synchronized (lock) {
      if (!closed && !call.isCancelled()) {
        call.onNext(request);
      }
    }
  }

  /** Ends the stream, which asks the harness to finish; idempotent. */
  public void close() {
    synchronized (lock) {
      if (!closed) {
        closed = true;
        if (!call.isCancelled()) {
          call.onCompleted();
        }
      }
    }
  }
}
