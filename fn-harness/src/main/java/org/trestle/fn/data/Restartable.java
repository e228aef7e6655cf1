package org.trestle.fn.data;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.trestle.fn.control.BundleRequest.Input;

/**
 * Inputs that can be started again once, which costs remembering those taken until then. For one
 * thread at a time.
 */
public final class Restartable implements Iterator<Input> {
  private final Iterator<Input> source;
  private final ArrayDeque<Input> taken = new ArrayDeque<>();
  private boolean remembering = true;

  public Restartable(Iterator<Input> source) {
    this.source = source;
  }

  /** Goes back to the first input; from here on nothing is remembered. */
  void restart() {
    remembering = false;
  }

  @Override
  public boolean hasNext() {
    return (!remembering && !taken.isEmpty()) || source.hasNext();
  }

  @Override
  public Input next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    if (!remembering) {
      Input first = taken.poll();
      return first == null ? source.next() : first;
    }
    Input next = source.next();
    taken.add(next);
    return next;
  }
}
