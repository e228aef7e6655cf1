package org.trestle.job;

/** A request that the service does not carry out, with words for the client. */
public final class RefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why a request is refused; each has its gRPC status. */
  public enum Reason {
    NOT_FOUND,
    INVALID,
    NOT_NOW,
    TOO_LARGE,
    STOPPING
  }

  private final Reason reason;

  public RefusedException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Why the request is refused. */
  public Reason reason() {
    return reason;
  }
}
