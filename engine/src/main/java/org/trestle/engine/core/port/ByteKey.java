package org.trestle.engine.core.port;

import java.util.Arrays;
import java.util.HexFormat;

/** Immutable bytes (an encoded key or window) that can be compared and hashed. */
public final class ByteKey implements Comparable<ByteKey> {
  private static final ByteKey EMPTY = new ByteKey(new byte[0]);

  private final byte[] bytes;
  private final int hash;

  private ByteKey(byte[] bytes) {
    this.bytes = bytes;
    this.hash = Arrays.hashCode(bytes);
  }

  /** The key of no bytes (keys of the nullary coders, the global window). */
  public static ByteKey empty() {
    return EMPTY;
  }

  /** Copies a range of an array. */
  public static ByteKey copyOf(byte[] source, int from, int to) {
    return from == to ? EMPTY : new ByteKey(Arrays.copyOfRange(source, from, to));
  }

  /** Wraps an array that the caller will not change any more. */
  public static ByteKey wrap(byte[] bytes) {
    return bytes.length == 0 ? EMPTY : new ByteKey(bytes);
  }

  /** The bytes themselves: not to be changed. */
  public byte[] bytes() {
    return bytes;
  }

  public int length() {
    return bytes.length;
  }

  @Override
  public int compareTo(ByteKey other) {
    return Arrays.compareUnsigned(bytes, other.bytes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ByteKey key && hash == key.hash && Arrays.equals(bytes, key.bytes);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public String toString() {
    return "0x" + HexFormat.of().formatHex(bytes);
  }
}
