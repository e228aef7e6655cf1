package org.trestle.engine.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.trestle.engine.core.port.ElementBlock;

/** A block of small numbers with timestamps, each ten bytes large. */
public final class TestBlock implements ElementBlock {
  private final long[] values;
  private final long[] timestamps;
  private final int from;
  private final int to;

  private TestBlock(long[] values, long[] timestamps, int from, int to) {
    if (from >= to) {
      throw new IllegalArgumentException("a block has at least one element");
    }
    this.values = values;
    this.timestamps = timestamps;
    this.from = from;
    this.to = to;
  }

  public static TestBlock of(long[] values, long[] timestamps) {
    return new TestBlock(values, timestamps, 0, values.length);
  }

  /** Elements that all have the same timestamp. */
  public static TestBlock at(long timestamp, long... values) {
    long[] timestamps = new long[values.length];
    Arrays.fill(timestamps, timestamp);
    return of(values, timestamps);
  }

  /** So many elements, 0, 1, 2 and so on. */
  public static TestBlock count(int elements, long timestamp) {
    long[] values = new long[elements];
    Arrays.setAll(values, i -> i);
    return at(timestamp, values);
  }

  @Override
  public int count() {
    return to - from;
  }

  @Override
  public long bytes() {
    return 10L * count();
  }

  @Override
  public long minTimestamp() {
    long min = Long.MAX_VALUE;
    for (int i = from; i < to; i++) {
      min = Math.min(min, timestamps[i]);
    }
    return min;
  }

  @Override
  public TestBlock slice(int first, int last) {
    if (first < 0 || from + last > to) {
      throw new IndexOutOfBoundsException(first + " to " + last + " of " + count());
    }
    return new TestBlock(values, timestamps, from + first, from + last);
  }

  public long value(int index) {
    return values[from + index];
  }

  public long timestamp(int index) {
    return timestamps[from + index];
  }

  /** The values of blocks, in order. */
  public static List<Long> values(List<ElementBlock> blocks) {
    List<Long> all = new ArrayList<>();
    for (ElementBlock block : blocks) {
      TestBlock numbers = (TestBlock) block;
      for (int i = 0; i < numbers.count(); i++) {
        all.add(numbers.value(i));
      }
    }
    return all;
  }

  @Override
  public String toString() {
    return values(List.of(this)).toString();
  }
}
