package org.trestle.client;

import org.jspecify.annotations.Nullable;

/** The job service refused a call, or did not answer; the message says which and what to do. */
public final class JobServiceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  JobServiceException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
