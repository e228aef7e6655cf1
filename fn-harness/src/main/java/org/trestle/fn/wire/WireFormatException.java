package org.trestle.fn.wire;

/** Bytes from a harness do not have the format their coder says. Fails the bundle, no more. */
public final class WireFormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public WireFormatException(String message) {
    super(message);
  }
}
