package org.trestle.engine.core.bundle;

/** Names a materialised PCollection: elements that cross a stage boundary. */
public record EdgeId(String value) implements Comparable<EdgeId> {
  @Override
  public int compareTo(EdgeId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
