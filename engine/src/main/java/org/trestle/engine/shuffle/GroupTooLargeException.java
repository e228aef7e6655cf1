package org.trestle.engine.shuffle;

/** A group's values do not fit into one element. */
public final class GroupTooLargeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GroupTooLargeException(String message) {
    super(message);
  }

  static GroupTooLargeException of(long values, long bytes) {
    return new GroupTooLargeException(
        "a group of "
            + values
            + " values has "
            + bytes
            + " bytes, more than the 2 GiB that fit into one element; combine the values before"
            + " they are grouped, or spread the key");
  }
}
