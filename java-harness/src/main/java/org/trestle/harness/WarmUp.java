package org.trestle.harness;

import java.util.Map;
import org.apache.beam.fn.harness.FnHarness;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogControl;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnControlGrpc.BeamFnControlImplBase;
import org.apache.beam.model.fnexecution.v1.BeamFnLoggingGrpc.BeamFnLoggingImplBase;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ServerBuilder;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.StreamObserver;

/**
 * Starts the harness once, on a runner that has nothing to do, and ends: the classes loaded
 * meanwhile go into the archive that later starts use.
 */
public final class WarmUp {
  private WarmUp() {}

  /** Runs the program; it needs no arguments. */
  public static void main(String[] arguments) throws Exception {
    Server runner =
        ServerBuilder.forPort(0).addService(new Control()).addService(new Logging()).build();
    runner.start();
    String endpoint = "url: \"localhost:" + runner.getPort() + "\"";
    Map<String, String> variables =
        Map.of(
            "HARNESS_ID",
            "warm-up",
            "PIPELINE_OPTIONS",
            "{}",
            "CONTROL_API_SERVICE_DESCRIPTOR",
            endpoint,
            "LOGGING_API_SERVICE_DESCRIPTOR",
            endpoint);
    FnHarness.main(variables::get);
    runner.shutdownNow();
    System.exit(0); // threads of the harness may still be there
  }

  /** Ends the harness as soon as it has connected. */
  private static final class Control extends BeamFnControlImplBase {
    @Override
    public StreamObserver<InstructionResponse> control(
        StreamObserver<InstructionRequest> requests) {
      requests.onCompleted();
      return new Ignoring<>(() -> {});
    }
  }

  private static final class Logging extends BeamFnLoggingImplBase {
    @Override
    public StreamObserver<LogEntry.List> logging(StreamObserver<LogControl> control) {
      return new Ignoring<>(control::onCompleted);
    }
  }

  private record Ignoring<T>(Runnable atEnd) implements StreamObserver<T> {
    @Override
    public void onNext(T value) {}

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {
      atEnd.run();
    }
  }
}
