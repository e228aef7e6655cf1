package org.trestle.engine.graph;

import java.util.ArrayList;
import java.util.List;

/** A pipeline cannot be planned. The message holds every problem found, one a line. */
public final class InvalidPipelineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ArrayList<String> problems;

  public InvalidPipelineException(List<String> problems) {
    super(String.join("\n", problems));
    this.problems = new ArrayList<>(problems);
  }

  /** A sentence for each problem. */
  public List<String> problems() {
    return List.copyOf(problems);
  }
}
