package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.function.Function;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.fuse.TestStream;
import org.trestle.engine.graph.PCollectionId;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowedValueWriter;

/** Turns the events of a TestStream from protos into what the core takes. */
final class TestStreamEvents {
  private static final byte[] GLOBAL_WINDOW = new byte[0];

  private final TestStream stream;
  private final Function<PCollectionId, StageOutput> outputs;

  /**
   * For the events of a stream.
   *
   * @param outputs finds an edge
   */
  TestStreamEvents(TestStream stream, Function<PCollectionId, StageOutput> outputs) {
    this.stream = stream;
    this.outputs = outputs;
  }

  /**
   * Turns an event.
   *
   * @throws IllegalArgumentException if it is of no kind that is known, or for no output of the
   *     stream
   */
  TestStreamEvent of(TestStreamPayload.Event event) {
    return switch (event.getEventCase()) {
      case WATERMARK_EVENT ->
          new TestStreamEvent.Watermark(
              new EdgeId(stream.output(event.getWatermarkEvent().getTag()).value()),
              event.getWatermarkEvent().getNewWatermark());
      case PROCESSING_TIME_EVENT ->
          new TestStreamEvent.Clock(event.getProcessingTimeEvent().getAdvanceDuration());
      case ELEMENT_EVENT -> elements(event.getElementEvent());
      case EVENT_NOT_SET ->
          throw new IllegalArgumentException(
              "TestStream \""
                  + stream.name()
                  + "\" has an event that is neither elements, nor a"
                  + " watermark, nor processing time");
    };
  }

  private TestStreamEvent elements(TestStreamPayload.Event.AddElements added) {
    EdgeWriter writer = outputs.apply(stream.output(added.getTag())).newWriter();
    ByteSink bytes = new ByteSink();
    WindowedValueWriter values = new WindowedValueWriter(bytes);
    for (TestStreamPayload.TimestampedElement element : added.getElementsList()) {
      ByteString encoded = element.getEncodedElement();
      values.header(element.getTimestamp(), GLOBAL_WINDOW, Panes.NO_FIRING);
      if (!stream.prefixed()) {
        bytes.putVarInt(encoded.size());
      }
      bytes.put(encoded.toByteArray());
    }
    writer.append(bytes.toByteString());
    return new TestStreamEvent.Elements(writer.finish());
  }
}
