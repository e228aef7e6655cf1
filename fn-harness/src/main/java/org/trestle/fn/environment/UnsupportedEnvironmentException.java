package org.trestle.fn.environment;

/** No harness of an environment can run here. The message names the environment and each reason. */
public final class UnsupportedEnvironmentException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UnsupportedEnvironmentException(String message) {
    super(message);
  }
}
