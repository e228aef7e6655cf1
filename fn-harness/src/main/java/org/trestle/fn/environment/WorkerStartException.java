package org.trestle.fn.environment;

/**
 * A harness could not be started, or did not connect in time. The message names the environment and
 * what to check.
 */
public final class WorkerStartException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public WorkerStartException(String message) {
    super(message);
  }
}
