package org.trestle.engine.state;

/** A state request that cannot be answered. Fails that request, no more. */
public final class StateRequestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public StateRequestException(String message) {
    super(message);
  }
}
