package org.trestle.fn.wire;

/**
 * Finds the end of an encoded value without decoding it.
 *
 * <p>Values are in Beam's nested context, as they appear on the Fn API's data and state channels.
 * Implementations are immutable and safe for use by several threads.
 */
@FunctionalInterface
public interface WireCoder {

  /**
   * Returns the position after the value that starts at {@code position}.
   *
   * @throws WireFormatException if the value is malformed or reaches beyond {@code limit}
   */
  int skip(byte[] buffer, int position, int limit);
}
