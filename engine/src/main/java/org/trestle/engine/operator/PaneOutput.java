package org.trestle.engine.operator;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.PaneEmitter;
import org.trestle.engine.shuffle.ValueBuffer;
import org.trestle.fn.wire.Panes;

/** The output of a bundle, with a writer if there is any. */
final class PaneOutput {
  private final Supplier<EdgeWriter> writers;
  private @Nullable EdgeWriter writer;
  private @Nullable PaneEmitter emitter;

  PaneOutput(Supplier<EdgeWriter> writers) {
    this.writers = writers;
  }

  void emit(ByteKey key, ByteKey window, long timestamp, Panes.Pane pane, ValueBuffer values) {
    PaneEmitter present = emitter;
    if (present == null) {
      writer = writers.get();
      present = new PaneEmitter(writer);
      emitter = present;
    }
    present.emit(key, window, timestamp, pane, values);
  }

  List<EdgeOutput> finish() {
    return writer == null ? List.of() : List.of(writer.finish());
  }

  void discard() {
    if (writer != null) {
      writer.discard();
    }
  }
}
