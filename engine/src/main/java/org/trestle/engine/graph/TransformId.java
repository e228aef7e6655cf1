package org.trestle.engine.graph;

/** Names a transform of a pipeline: its key in the pipeline's components. */
public record TransformId(String value) implements Comparable<TransformId> {
  @Override
  public int compareTo(TransformId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
