package org.trestle.engine.metrics;

/** A monitoring info's payload does not have the format that its type says. */
final class MalformedPayloadException extends Exception {
  private static final long serialVersionUID = 1L;

  MalformedPayloadException(String message) {
    super(message);
  }

  MalformedPayloadException(String message, Throwable cause) {
    super(message, cause);
  }
}
