package org.trestle.engine.execute.merge;

import com.google.protobuf.ByteString;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WireFormatException;

/**
 * Makes a window fn of the Python SDK readable for its own {@code merge_windows}.
 *
 * <p>The payload is a {@code BytesValue} of base64 text, but that one place of the SDK (seen in
 * 2.71.0 to 2.77.0) forgets to unwrap it and decodes field tag, length and text together. The
 * decoder skips what is not base64, so it depends on the length whether that goes well: a length
 * byte that happens to be a letter or digit breaks the text. Here the length is therefore written
 * with an additional zero byte: then none of its bytes is base64, and the payload is still the same
 * {@code BytesValue} for whoever reads it as one.
 */
final class PickledWindowFn {
  static final String URN = "beam:window_fn:pickled_python:v1";

  /** Field 1, with a length. */
  private static final byte VALUE_TAG = (1 << 3) | 2;

  private PickledWindowFn() {}

  /** Returns the window fn itself, or an equivalent one. */
  static FunctionSpec readable(FunctionSpec windowFn) {
    byte[] payload = windowFn.getPayload().toByteArray();
    int text = startOfValue(payload);
    if (!windowFn.getUrn().equals(URN) || text < 0) {
      return windowFn;
    }
    ByteSink sink = new ByteSink(payload.length + 1);
    sink.putByte(VALUE_TAG);
    for (int length = payload.length - text; length != 0; length >>>= 7) {
      sink.putByte((length & 0x7F) | 0x80);
    }
    sink.putByte(0).put(payload, text, payload.length);
    ByteString readable = sink.drain();
    return windowFn.toBuilder().setPayload(readable).build();
  }

  /** Returns where the value of a {@code BytesValue} starts, or -1 if the payload is none. */
  private static int startOfValue(byte[] payload) {
    if (payload.length == 0 || payload[0] != VALUE_TAG) {
      return -1;
    }
    try {
      int start = VarInts.skip(payload, 1, payload.length);
      return VarInts.decode(payload, 1, start) == payload.length - start ? start : -1;
    } catch (WireFormatException e) {
      return -1;
    }
  }
}
