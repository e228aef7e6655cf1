package org.trestle.fn.server;

import java.util.concurrent.CompletableFuture;
import org.trestle.fn.control.SdkWorker;

/** A harness that the server lets in. Safe for use by several threads; no method blocks. */
public interface ExpectedWorker {

  /** The id that the harness must present. */
  String workerId();

  /**
   * Completes when the harness has opened its control stream; exceptionally with {@link
   * org.trestle.fn.control.WorkerLostException} when it is released or lost before that.
   */
  CompletableFuture<SdkWorker> connected();

  /** Ends the expectation or the connection: {@link #release} without a particular reason. */
  default void cancel() {
    release("it was stopped");
  }

  /**
   * Lets the harness go: its control stream is ended, which asks it to finish, its id is refused
   * from now on, its bundles fail, and the worker counts as lost. Idempotent.
   *
   * @param how a clause that says what happened, such as "it exited with code 3"
   */
  void release(String how);

  /** Knows more about the end of a harness than its streams do. */
  @FunctionalInterface
  interface LossReport {
    /**
     * Explains the end of a harness whose control stream ended. Waited for at most two seconds.
     *
     * @param how what the stream told
     */
    CompletableFuture<String> explain(String how);
  }
}
