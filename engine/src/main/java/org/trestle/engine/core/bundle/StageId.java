package org.trestle.engine.core.bundle;

/** Names a fused stage or a runner stage of a job's plan. */
public record StageId(String value) implements Comparable<StageId> {
  @Override
  public int compareTo(StageId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
