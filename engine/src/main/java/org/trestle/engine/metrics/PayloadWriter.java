package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.function.Consumer;

/** Writes Beam-coded values to a payload. */
final class PayloadWriter {
  private final ByteString.Output out = ByteString.newOutput();

  /** Writes {@code beam:coder:varint:v1}. */
  PayloadWriter varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      out.write((int) (rest & 0x7F) | 0x80);
      rest >>>= 7;
    }
    out.write((int) rest);
    return this;
  }

  /** Writes {@code beam:coder:double:v1}. */
  PayloadWriter float64(double value) {
    byte[] bytes = ByteBuffer.allocate(Double.BYTES).putDouble(value).array();
    out.write(bytes, 0, bytes.length);
    return this;
  }

  /** Writes a nested {@code beam:coder:string_utf8:v1}. */
  PayloadWriter string(String value) {
    byte[] bytes = ByteString.copyFromUtf8(value).toByteArray();
    varint(bytes.length);
    out.write(bytes, 0, bytes.length);
    return this;
  }

  /** Writes {@code beam:coder:iterable:v1} of known size. */
  <T> PayloadWriter iterable(Collection<T> values, Consumer<T> element) {
    byte[] size = ByteBuffer.allocate(Integer.BYTES).putInt(values.size()).array();
    out.write(size, 0, size.length);
    values.forEach(element);
    return this;
  }

  ByteString payload() {
    return out.toByteString();
  }
}
