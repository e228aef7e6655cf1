package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Reads Beam-coded values from a payload. */
final class PayloadReader {
  /** Count that announces an iterable whose size was not known: blocks follow instead. */
  private static final int SIZE_UNKNOWN = -1;

  private final CodedInputStream in;

  PayloadReader(ByteString payload) {
    in = payload.newCodedInput();
  }

  /** Reads one value. */
  @FunctionalInterface
  interface Element<T> {
    T read() throws IOException;
  }

  /** Reads a whole payload. */
  @FunctionalInterface
  interface Format<T> {
    T read(PayloadReader reader) throws IOException;
  }

  /** Reads a payload from its first byte to its last. */
  static <T> T parse(ByteString payload, Format<T> format) throws MalformedPayloadException {
    PayloadReader reader = new PayloadReader(payload);
    try {
      T value = format.read(reader);
      if (!reader.in.isAtEnd()) {
        throw new MalformedPayloadException(
            (payload.size() - reader.in.getTotalBytesRead()) + " bytes after the value");
      }
      return value;
    } catch (IOException e) {
      throw new MalformedPayloadException("the payload ends early or holds a bad length", e);
    }
  }

  /** Reads {@code beam:coder:varint:v1}. */
  long varint() throws IOException {
    return in.readRawVarint64();
  }

  /** Reads {@code beam:coder:double:v1}. */
  double float64() throws IOException {
    return Double.longBitsToDouble(Long.reverseBytes(in.readRawLittleEndian64()));
  }

  /** Reads a nested {@code beam:coder:string_utf8:v1}. */
  String string() throws IOException {
    return in.readStringRequireUtf8();
  }

  boolean atEnd() throws IOException {
    return in.isAtEnd();
  }

  /** Reads {@code beam:coder:iterable:v1}. */
  <T> List<T> iterable(Element<T> element) throws IOException {
    List<T> values = new ArrayList<>();
    int size = Integer.reverseBytes(in.readRawLittleEndian32());
    if (size != SIZE_UNKNOWN) {
      readMany(size, element, values);
      return values;
    }
    for (long block = varint(); block != 0; block = varint()) {
      readMany(block, element, values);
    }
    return values;
  }

  private static <T> void readMany(long count, Element<T> element, List<T> values)
      throws IOException {
    if (count < 0) {
      throw new IOException("negative count");
    }
    // The count may lie: memory is taken as elements are really there.
    for (long i = 0; i < count; i++) {
      values.add(element.read());
    }
  }
}
