package org.trestle.fn.control;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;

/** A bundle on its way through a worker. Safe for use by several threads; no method blocks. */
public interface RunningBundle {

  /** The Fn API's instruction id of the bundle. */
  String instructionId();

  /**
   * Completes when the response has come and all outputs have ended; exceptionally with {@link
   * BundleFailedException} or {@link WorkerLostException}. After an exceptional end the receiver is
   * not called any more.
   */
  CompletableFuture<ProcessBundleResponse> done();

  /**
   * Completes when the first has come of the end of all outputs and the response: what is still to
   * come of the bundle takes no processor of the harness. Before its response Python's, for one,
   * waits up to 0.2 seconds for its sampler; after it, large outputs are still on their way. Stays
   * as it is if the bundle has no outputs, or its response comes with them.
   */
  CompletableFuture<Void> ending();

  /**
   * Asks for progress. The metrics of the answer, as those of the bundle's response, are all that
   * the harness has reported of the bundle, also where it tells only what has changed.
   */
  CompletableFuture<ProcessBundleProgressResponse> progress();

  /**
   * Asks the harness to give back part of the rest of its work.
   *
   * @param fractionOfRemainder of the unprocessed rest, what to keep, in [0, 1)
   * @param estimatedInputElements how many elements the bundle's input has
   * @param allowedSplitPoints element indexes to split at; empty for any
   */
  CompletableFuture<ProcessBundleSplitResponse> split(
      String inputTransformId,
      double fractionOfRemainder,
      long estimatedInputElements,
      List<Long> allowedSplitPoints);

  /** Tells the harness that the bundle is durably committed (bundle finalisation). */
  CompletableFuture<Void> finalizeBundle();

  /** Gives the bundle up: {@link #done} completes exceptionally and later output is dropped. */
  void abandon(String reason);
}
