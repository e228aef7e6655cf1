package org.trestle.benchmark.micro;

import com.google.protobuf.ByteString;
import java.util.Random;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.WireCoders;
import org.trestle.proto.Urns;

/** Encoded key-value pairs in the global window: short keys, values of 100 bytes. */
final class SampleElements {
  static final int VALUE_BYTES = 100;

  private static final String BYTES = "bytes";
  private static final String WINDOW = "window";
  private static final Components CODERS =
      Components.newBuilder()
          .putCoders(BYTES, coder(Urns.Coders.BYTES))
          .putCoders(WINDOW, coder(Urns.Coders.GLOBAL_WINDOW))
          .build();

  /** The format of the elements. */
  static final EdgeFormat FORMAT =
      new EdgeFormat(
          WireCoders.window(CODERS, WINDOW),
          WireCoders.of(CODERS, BYTES),
          WireCoders.of(CODERS, BYTES));

  private SampleElements() {}

  private static Coder coder(String urn) {
    return Coder.newBuilder().setSpec(FunctionSpec.newBuilder().setUrn(urn)).build();
  }

  /** So many elements, over so many keys in random order; the same at each call. */
  static ByteString of(int elements, int keys) {
    Random random = new Random(elements);
    Panes.Pane pane = Panes.decode(new byte[] {Panes.NO_FIRING}, 0, 1);
    ByteSink sink = new ByteSink(elements * (VALUE_BYTES + 32));
    byte[] value = new byte[VALUE_BYTES];
    for (int i = 0; i < elements; i++) {
      Timestamps.encode(sink, i);
      sink.putInt(1);
      Panes.encode(sink, pane);
      byte[] key =
          Integer.toString(random.nextInt(keys)).getBytes(java.nio.charset.StandardCharsets.UTF_8);
      sink.putLengthPrefixed(key, 0, key.length);
      sink.putLengthPrefixed(value, 0, value.length);
    }
    return sink.toByteString();
  }
}
