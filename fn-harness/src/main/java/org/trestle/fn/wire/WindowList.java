package org.trestle.fn.wire;

import java.util.Arrays;

/** The windows of one element or timer: where each of them is. Reused from one to the next. */
final class WindowList {
  private final WindowCoder coder;
  private final boolean withoutBytes;
  private int count;
  private int[] bounds = new int[2];

  WindowList(WindowCoder coder) {
    this.coder = coder;
    this.withoutBytes = coder.equals(WindowCoders.GLOBAL);
  }

  /** Reads encoded windows and returns the position after them. */
  int read(byte[] buffer, int position, int limit) {
    int size = Bounds.fixed32(buffer, position, limit);
    int next = position + Integer.BYTES;
    count = 0;
    if (size == 1 && withoutBytes) {
      count = 1;
      bounds[0] = next;
      bounds[1] = next;
      return next;
    }
    if (size >= 0) {
      return readRun(size, buffer, next, limit);
    }
    if (size != -1) {
      throw new WireFormatException("negative window count " + size + " at " + position);
    }
    while (true) {
      long chunk = VarInts.decode(buffer, next, limit);
      next = VarInts.skip(buffer, next, limit);
      if (chunk == 0) {
        return next;
      }
      next = readRun(chunk, buffer, next, limit);
    }
  }

  private int readRun(long size, byte[] buffer, int position, int limit) {
    if (size < 0 || (withoutBytes && count + size > 1)) {
      throw new WireFormatException("bad window count " + size + " before " + position);
    }
    int next = position;
    for (long i = 0; i < size; i++) {
      int end = coder.skip(buffer, next, limit);
      if (2 * count == bounds.length) {
        bounds = Arrays.copyOf(bounds, 4 * count);
      }
      bounds[2 * count] = next;
      bounds[2 * count + 1] = end;
      count++;
      next = end;
    }
    return next;
  }

  int count() {
    return count;
  }

  int start(int index) {
    return bounds[2 * checked(index)];
  }

  int end(int index) {
    return bounds[2 * checked(index) + 1];
  }

  private int checked(int index) {
    if (index < 0 || index >= count) {
      throw new IndexOutOfBoundsException("window " + index + " of " + count);
    }
    return index;
  }

  long maxTimestamp(byte[] buffer, int index) {
    return coder.maxTimestamp(buffer, start(index), end(index));
  }
}
