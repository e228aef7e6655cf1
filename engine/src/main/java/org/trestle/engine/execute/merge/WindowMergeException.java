package org.trestle.engine.execute.merge;

/**
 * Windows could not be merged or mapped; the message names the window fn. Fails the bundle at hand.
 */
public final class WindowMergeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  WindowMergeException(String message) {
    super(message);
  }

  WindowMergeException(String message, Throwable cause) {
    super(message, cause);
  }
}
