package org.trestle.engine.core.bundle;

/**
 * A bundle that left no trace.
 *
 * @param cause what ended it
 * @param message for people; for user code, the SDK's own error text
 */
public record BundleFailure(BundleId id, Cause cause, String message) {
  /** What ends a bundle before its commit. */
  public enum Cause {
    /** The code that ran in it failed, or what it wrote cannot be read. */
    WORK,
    /** Its worker is gone, for whatever reason. */
    LOST_WORKER,
    /** The runner failed: running the same work again cannot help. */
    RUNNER
  }
}
