package org.trestle.engine.graph;

/** Names a PCollection of a pipeline: its key in the pipeline's components. */
public record PCollectionId(String value) implements Comparable<PCollectionId> {
  @Override
  public int compareTo(PCollectionId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
