package org.trestle.engine.execute;

import java.util.concurrent.CompletionException;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.wire.WireFormatException;

/** Turns exceptions of bundles into what the core and people need to know of them. */
final class Failures {
  private Failures() {}

  /** The exception under the wrappers of futures. */
  static Throwable unwrap(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** A text for people; for user code, the SDK's own. */
  static String describe(Throwable failure) {
    Throwable cause = unwrap(failure);
    String message = cause.getMessage();
    return message == null ? cause.toString() : message;
  }

  /** Describes the failure of a bundle of the stage with this name. */
  static BundleFailure of(BundleId id, String stage, Throwable failure) {
    Throwable cause = unwrap(failure);
    if (cause instanceof BundleFailedException user) {
      return new BundleFailure(id, Cause.WORK, describe(user));
    }
    if (cause instanceof WorkerLostException lost) {
      return new BundleFailure(
          id, Cause.LOST_WORKER, "stage " + stage + " lost its worker: " + describe(lost));
    }
    if (cause instanceof WireFormatException malformed) {
      return new BundleFailure(
          id,
          Cause.WORK,
          "the harness wrote malformed data in stage " + stage + ": " + describe(malformed));
    }
    return new BundleFailure(
        id, Cause.RUNNER, "stage " + stage + " failed in the runner: " + describe(cause));
  }
}
