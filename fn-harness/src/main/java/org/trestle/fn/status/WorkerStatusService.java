package org.trestle.fn.status;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.WorkerStatusRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.WorkerStatusResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnWorkerStatusGrpc;

/** Serves {@code BeamFnWorkerStatus}: binds status streams to the harness that opened them. */
public final class WorkerStatusService extends BeamFnWorkerStatusGrpc.BeamFnWorkerStatusImplBase {
  private final Supplier<? extends StatusPeer> caller;

  /**
   * @param caller the harness behind the current gRPC call
   */
  public WorkerStatusService(Supplier<? extends StatusPeer> caller) {
    this.caller = caller;
  }

  @Override
  public StreamObserver<WorkerStatusResponse> workerStatus(
      StreamObserver<WorkerStatusRequest> requests) {
    ((ServerCallStreamObserver<WorkerStatusRequest>) requests).setOnCancelHandler(() -> {});
    StatusStream stream = new StatusStream(requests);
    caller.get().statusOpened(stream);
    return stream;
  }
}
