package org.trestle.fn.wire;

/** A coder of windows: it can also tell the largest timestamp that belongs to an encoded window. */
public interface WindowCoder extends WireCoder {

  /** Returns the window's maximum timestamp in milliseconds since the epoch. */
  long maxTimestamp(byte[] buffer, int position, int limit);
}
