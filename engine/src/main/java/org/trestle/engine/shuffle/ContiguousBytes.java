package org.trestle.engine.shuffle;

import com.google.protobuf.ByteOutput;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Where the bytes of a byte string are, to be read without a copy. */
final class ContiguousBytes {
  private final byte[] array;
  private final int start;

  private ContiguousBytes(byte[] array, int start) {
    this.array = array;
    this.start = start;
  }

  /** Returns where the bytes are; null if they are not in one array. */
  static @Nullable ContiguousBytes of(ByteString bytes) {
    Finder finder = new Finder(bytes.size());
    try {
      UnsafeByteOperations.unsafeWriteTo(bytes, finder);
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return finder.found;
  }

  /** Not to be changed. */
  byte[] array() {
    return array;
  }

  /** Where in the array the first byte is. */
  int start() {
    return start;
  }

  /** Takes what a byte string offers in one piece. */
  private static final class Finder extends ByteOutput {
    private final int size;
    private @Nullable ContiguousBytes found;

    Finder(int size) {
      this.size = size;
    }

    @Override
    public void writeLazy(byte[] value, int offset, int length) {
      if (length == size) {
        found = new ContiguousBytes(value, offset);
      }
    }

    @Override
    public void writeLazy(ByteBuffer value) {
      if (value.hasArray()) {
        writeLazy(value.array(), value.arrayOffset() + value.position(), value.remaining());
      }
    }

    // What may change after the call is not of use.

    @Override
    public void write(byte value) {}

    @Override
    public void write(byte[] value, int offset, int length) {}

    @Override
    public void write(ByteBuffer value) {}
  }
}
