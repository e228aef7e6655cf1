package org.trestle.engine.shuffle;

import java.io.IOException;
import java.io.UncheckedIOException;

/** Data that did not fit in memory could not be written to disk, or read back. */
public final class SpillException extends UncheckedIOException {
  private static final long serialVersionUID = 1L;

  public SpillException(String message, IOException cause) {
    super(message, cause);
  }
}
