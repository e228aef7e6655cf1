package org.trestle.engine.shuffle;

/** A group's values do not fit into one element. */
public final class GroupTooLargeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GroupTooLargeException(String message) {
    super(message);
  }
}
