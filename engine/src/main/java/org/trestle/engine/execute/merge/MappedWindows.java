package org.trestle.engine.execute.merge;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.GlobalWindow;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WindowedValueWriter;
import org.trestle.fn.wire.WireCoders;
import org.trestle.fn.wire.WireFormatException;

/**
 * Windows on their way to be mapped, and what they are mapped to: one answer for each. The nonce of
 * a window is its index. Written by the bundle's thread, read after its end.
 */
final class MappedWindows implements HelperBundle.Exchange<List<ByteKey>> {
  private static final byte[] GLOBAL_WINDOW = new byte[0];

  private final List<ByteKey> windows;
  private final List<@Nullable ByteKey> answers;
  private final WindowedValueCursor cursor;

  MappedWindows(WindowProgram program, List<ByteKey> windows) {
    this.windows = windows;
    this.answers = new ArrayList<>(Collections.nCopies(windows.size(), null));
    this.cursor =
        WireCoders.cursor(
            program.components(),
            WindowProgram.outputCoderId(),
            WindowProgram.globalWindowCoderId());
  }

  @Override
  public Iterator<BundleRequest.Input> input() {
    ByteSink sink = new ByteSink();
    WindowedValueWriter writer = new WindowedValueWriter(sink);
    for (int i = 0; i < windows.size(); i++) {
      writer.header(GlobalWindow.MAX_TIMESTAMP, GLOBAL_WINDOW, Panes.NO_FIRING);
      sink.putVarInt(VarInts.length(i)).putVarInt(i).put(windows.get(i).bytes());
    }
    BundleRequest.Input all = new BundleRequest.Elements(WindowProgram.SOURCE, sink.drain());
    return List.of(all).iterator();
  }

  @Override
  public synchronized List<ByteKey> answer() {
    List<ByteKey> complete = new ArrayList<>(answers.size());
    for (ByteKey answer : answers) {
      if (answer == null) {
        throw new WireFormatException(
            "no answer to window " + complete.size() + " of " + answers.size());
      }
      complete.add(answer);
    }
    return complete;
  }

  @Override
  public synchronized void elements(String transformId, ByteString data) {
    if (!transformId.equals(WindowProgram.SINK)) {
      throw new WireFormatException("elements from unknown transform " + transformId);
    }
    cursor.reset(data.toByteArray());
    while (cursor.next()) {
      byte[] buffer = cursor.buffer();
      int nonce = VarInts.skip(buffer, cursor.keyStart(), cursor.keyEnd());
      long index = VarInts.decode(buffer, nonce, cursor.keyEnd());
      if (index < 0 || index >= answers.size() || answers.get((int) index) != null) {
        throw new WireFormatException("answer to unknown window " + index + ", or a second one");
      }
      answers.set((int) index, ByteKey.copyOf(buffer, cursor.keyEnd(), cursor.valueEnd()));
    }
  }

  @Override
  public void timers(TimerEndpoint endpoint, ByteString data) {
    throw new WireFormatException("timers from a mapping of windows");
  }

  @Override
  public StateResponse.Builder state(StateRequest request) {
    throw new UnsupportedOperationException("mapping of windows has no state");
  }
}
