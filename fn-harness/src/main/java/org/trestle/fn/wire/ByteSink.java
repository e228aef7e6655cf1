package org.trestle.fn.wire;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A byte array that grows at its end. For use by one thread.
 *
 * <p>{@link #drain} hands the bytes over without copying them when that wastes little memory.
 */
public final class ByteSink {
  static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private static final int MAX_CAPACITY = Integer.MAX_VALUE - 8;
  private static final int DEFAULT_CAPACITY = 256;

  private final int initialCapacity;
  private byte[] array;
  private int length;

  /** Makes an empty sink. */
  public ByteSink() {
    this(DEFAULT_CAPACITY);
  }

  /** Makes an empty sink with room for {@code capacity} bytes. */
  public ByteSink(int capacity) {
    if (capacity < 0) {
      throw new IllegalArgumentException("negative capacity: " + capacity);
    }
    this.initialCapacity = capacity;
    this.array = new byte[capacity];
  }

  /** How many bytes the sink holds. */
  public int length() {
    return length;
  }

  /** Whether the sink holds no bytes. */
  public boolean isEmpty() {
    return length == 0;
  }

  /**
   * The sink's own array, of which the first {@link #length} bytes count. Valid until the sink
   * grows, is cleared or drained.
   */
  public byte[] array() {
    return array;
  }

  /** Forgets all bytes and keeps the array. */
  public void clear() {
    length = 0;
  }

  /** Forgets all bytes after the first {@code newLength}. */
  public void truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new IndexOutOfBoundsException("length " + newLength + " of " + length);
    }
    length = newLength;
  }

  /**
   * Makes room for {@code more} bytes.
   *
   * @throws IllegalStateException if the sink would outgrow the largest array
   */
  public void ensure(int more) {
    if (more > array.length - length) {
      grow(more);
    }
  }

  private void grow(int more) {
    long wanted = (long) length + more;
    if (more < 0 || wanted > MAX_CAPACITY) {
      throw new IllegalStateException("a byte buffer cannot grow to " + wanted + " bytes");
    }
    long doubled = Math.min(2L * array.length, MAX_CAPACITY);
    array = Arrays.copyOf(array, (int) Math.max(wanted, doubled));
  }

  /** Appends the low eight bits. */
  @CanIgnoreReturnValue
  public ByteSink putByte(int value) {
    ensure(1);
    array[length++] = (byte) value;
    return this;
  }

  /** Appends four bytes, big-endian. */
  @CanIgnoreReturnValue
  public ByteSink putInt(int value) {
    ensure(Integer.BYTES);
    INTS.set(array, length, value);
    length += Integer.BYTES;
    return this;
  }

  /** Appends eight bytes, big-endian. */
  @CanIgnoreReturnValue
  public ByteSink putLong(long value) {
    ensure(Long.BYTES);
    LONGS.set(array, length, value);
    length += Long.BYTES;
    return this;
  }

  /** Appends a variable-length integer. */
  @CanIgnoreReturnValue
  public ByteSink putVarInt(long value) {
    ensure(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      array[length++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    array[length++] = (byte) rest;
    return this;
  }

  /** Appends all bytes of an array. */
  @CanIgnoreReturnValue
  public ByteSink put(byte[] source) {
    return put(source, 0, source.length);
  }

  /** Appends the bytes {@code from} (inclusive) to {@code to} (exclusive) of an array. */
  @CanIgnoreReturnValue
  public ByteSink put(byte[] source, int from, int to) {
    int count = to - from;
    ensure(count);
    System.arraycopy(source, from, array, length, count);
    length += count;
    return this;
  }

  /** Appends all of {@code source}. */
  @CanIgnoreReturnValue
  public ByteSink put(ByteString source) {
    int count = source.size();
    ensure(count);
    source.copyTo(array, length);
    length += count;
    return this;
  }

  /** Appends the number of bytes in a range, then the bytes: a length-prefixed value. */
  @CanIgnoreReturnValue
  public ByteSink putLengthPrefixed(byte[] source, int from, int to) {
    return putVarInt(to - from).put(source, from, to);
  }

  /** Returns a copy of the bytes. */
  public byte[] toByteArray() {
    return Arrays.copyOf(array, length);
  }

  /** Returns a copy of the bytes. */
  public ByteString toByteString() {
    return ByteString.copyFrom(array, 0, length);
  }

  /**
   * Returns the bytes and empties the sink. Copies only if the array is less than half full;
   * otherwise the result keeps the array and the sink starts a new one.
   */
  public ByteString drain() {
    ByteString bytes;
    if (length < array.length / 2) {
      bytes = ByteString.copyFrom(array, 0, length);
    } else {
      bytes = UnsafeByteOperations.unsafeWrap(array, 0, length);
      array = new byte[initialCapacity];
    }
    length = 0;
    return bytes;
  }
}
