package org.trestle.fn.control;

/** The harness went away before it answered. */
public final class WorkerLostException extends Exception {
  private static final long serialVersionUID = 1L;

  public WorkerLostException(String message) {
    super(message);
  }
}
