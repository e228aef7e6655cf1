package org.trestle.fn.control;

import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;

/** A connected SDK harness. Safe for use by several threads; no method blocks. */
public interface SdkWorker {

  /** The worker id: unguessable, unique in the process. */
  String id();

  /** Starts a bundle: sends its request, then its elements as fast as the harness takes them. */
  RunningBundle process(BundleRequest request, BundleReceiver receiver);

  /**
   * Sends descriptors that are likely to be needed, so that their first bundles need not bring
   * them. Those that were sent already or are unknown, and large ones, are left out.
   */
  default void sendAhead(Collection<String> descriptorIds) {}

  /**
   * Sends any other instruction. The instruction id of {@code request} is set by the worker.
   *
   * @return completes with the response; exceptionally with {@link BundleFailedException} when the
   *     response holds an error, or {@link WorkerLostException} when the worker goes away first
   */
  CompletableFuture<InstructionResponse> instruct(InstructionRequest.Builder request);

  /**
   * Waits for what the harness has logged so far. Log entries travel on a stream of their own, so
   * those of a bundle can arrive after its response.
   *
   * @return completes when the harness has answered once more and its log has been quiet for some
   *     milliseconds (longer if the answer was slow), at once if it sends no log, and after a
   *     second at the latest; never exceptionally
   */
  CompletableFuture<Void> logsArrived();

  /**
   * Asks the harness for a report about itself: active bundles, stacks of threads.
   *
   * @return completes within seconds; exceptionally if the harness gives none, as those of LOOPBACK
   *     do, or does not answer
   */
  default CompletableFuture<String> statusReport() {
    return CompletableFuture.failedFuture(
        new IllegalStateException("the harness offers no status report"));
  }

  /** Lets the harness go as lost, so that its bundles fail; {@code how} is a clause for people. */
  default void release(String how) {}

  /**
   * Finds the process of the harness; takes milliseconds.
   *
   * @return completes with nothing if the harness runs on another machine or cannot be seen
   */
  default CompletableFuture<Optional<ProcessHandle>> process() {
    return CompletableFuture.completedFuture(Optional.empty());
  }

  /**
   * Completes when the harness is gone, with a sentence for people that says how (stream closed,
   * process exit code, last log lines).
   */
  CompletableFuture<String> lost();
}
