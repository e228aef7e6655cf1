package org.trestle.fn.environment;

/** The Docker engine did not do what it was asked for. The message says why and what to do. */
final class DockerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DockerException(String message) {
    super(message);
  }
}
