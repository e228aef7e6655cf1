package org.trestle.engine.core.watermark;

import java.util.Map;
import java.util.TreeMap;
import org.trestle.engine.core.port.EventTime;

/**
 * Moments that a watermark must not pass, each as often as it was added.
 *
 * <p>The cost of a change grows with the logarithm of the number of different moments.
 */
public final class HoldMultiset {
  private static final class Count {
    private long value;
  }

  private final TreeMap<Long, Count> counts = new TreeMap<>();
  private long size;

  /** Adds a hold. */
  public void add(long timestamp) {
    Count count = counts.get(timestamp);
    if (count == null) {
      count = new Count();
      counts.put(timestamp, count);
    }
    count.value++;
    size++;
  }

  /**
   * Takes one hold away.
   *
   * @throws IllegalStateException if there is no hold at this moment
   */
  public void remove(long timestamp) {
    Count count = counts.get(timestamp);
    if (count == null) {
      throw new IllegalStateException("no hold at " + timestamp + " to take away");
    }
    count.value--;
    size--;
    if (count.value == 0) {
      counts.remove(timestamp);
    }
  }

  /** Moves one hold; the same as removing and adding. */
  public void move(long from, long to) {
    if (from != to) {
      remove(from);
      add(to);
    }
  }

  /** The earliest hold; {@link EventTime#MAX} if there is none. */
  public long min() {
    Map.Entry<Long, Count> first = counts.firstEntry();
    return first == null ? EventTime.MAX : first.getKey();
  }

  /** How many holds. */
  public long size() {
    return size;
  }

  /** Whether there is no hold. */
  public boolean isEmpty() {
    return size == 0;
  }
}
