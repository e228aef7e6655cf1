package org.trestle.fn.wire;

/**
 * A pipeline's coder cannot be read by the runner: it is missing, malformed, or not a standard one.
 * The message names its id and URN.
 */
public final class UnknownCoderException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes an exception. */
  public UnknownCoderException(String message) {
    super(message);
  }
}
