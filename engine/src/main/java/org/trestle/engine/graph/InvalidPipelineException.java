package org.trestle.engine.graph;

import java.util.List;

/** A pipeline cannot be planned. The message holds every problem found, one a line. */
public final class InvalidPipelineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidPipelineException(List<String> problems) {
    super(String.join("\n", problems));
  }
}
