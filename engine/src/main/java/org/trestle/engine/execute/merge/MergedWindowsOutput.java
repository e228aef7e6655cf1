package org.trestle.engine.execute.merge;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowMerger.Merged;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;
import org.trestle.fn.wire.WireCoders;
import org.trestle.fn.wire.WireFormatException;

/**
 * Reads what a merging bundle answers, and checks that each window of a set went to exactly one
 * place. One for each attempt; written by the bundle's thread, read after its end.
 */
final class MergedWindowsOutput implements HelperBundle.Exchange<List<List<Merged>>> {
  private static final int BLOCKS = -1;
  private static final Comparator<Merged> ORDER = Comparator.comparing(Merged::window);

  private final List<List<ByteKey>> windowSets;
  private final List<@Nullable List<Merged>> answers;
  private final WindowedValueCursor cursor;
  private final WireCoder window;

  MergedWindowsOutput(WindowProgram program, String windowCoderId, List<List<ByteKey>> windowSets) {
    this.windowSets = windowSets;
    this.answers = new ArrayList<>(Collections.nCopies(windowSets.size(), null));
    this.cursor =
        WireCoders.cursor(
            program.components(),
            WindowProgram.outputCoderId(),
            WindowProgram.globalWindowCoderId());
    this.window = WireCoders.window(program.components(), windowCoderId);
  }

  @Override
  public Iterator<BundleRequest.Input> input() {
    return new WindowSetInput(windowSets);
  }

  /**
   * Returns the answers to all sets, each in order of the new windows.
   *
   * @throws WireFormatException if one is missing
   */
  @Override
  public synchronized List<List<Merged>> answer() {
    List<List<Merged>> complete = new ArrayList<>(answers.size());
    for (List<Merged> answer : answers) {
      if (answer == null) {
        throw new WireFormatException(
            "no answer to window set " + complete.size() + " of " + answers.size());
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
      int index = index();
      if (answers.get(index) != null) {
        throw new WireFormatException("second answer to window set " + index);
      }
      answers.set(index, new Answer(windowSets.get(index)).read());
    }
  }

  private int index() {
    byte[] buffer = cursor.buffer();
    int nonce = VarInts.skip(buffer, cursor.keyStart(), cursor.keyEnd());
    long index = VarInts.decode(buffer, nonce, cursor.keyEnd());
    if (index < 0 || index >= windowSets.size()) {
      throw new WireFormatException("answer to unknown window set " + index);
    }
    return (int) index;
  }

  @Override
  public void timers(TimerEndpoint endpoint, ByteString data) {
    throw new WireFormatException("timers from a merging of windows");
  }

  @Override
  public StateResponse.Builder state(StateRequest request) {
    throw new UnsupportedOperationException("merging of windows has no state");
  }

  /** The answer that the cursor is at. Its structure was checked as the cursor went over it. */
  private final class Answer {
    private final Set<ByteKey> unplaced;

    Answer(List<ByteKey> windows) {
      unplaced = new HashSet<>(windows);
    }

    List<Merged> read() {
      int merged = iterable(cursor.keyEnd(), this::skipPlaced);
      List<Merged> result = new ArrayList<>();
      iterable(merged, position -> readMerged(position, result));
      if (!unplaced.isEmpty()) {
        throw new WireFormatException(
            "window " + unplaced.iterator().next() + " is neither merged nor left alone");
      }
      result.sort(ORDER);
      return List.copyOf(result);
    }

    private int skipPlaced(int position) {
      int end = window.skip(cursor.buffer(), position, cursor.valueEnd());
      place(ByteKey.copyOf(cursor.buffer(), position, end));
      return end;
    }

    private void place(ByteKey source) {
      if (!unplaced.remove(source)) {
        throw new WireFormatException(
            "window " + source + " is not one of the set, or was given back twice");
      }
    }

    private int readMerged(int position, List<Merged> result) {
      int windowEnd = window.skip(cursor.buffer(), position, cursor.valueEnd());
      ByteKey target = ByteKey.copyOf(cursor.buffer(), position, windowEnd);
      List<ByteKey> sources = new ArrayList<>();
      int end =
          iterable(
              windowEnd,
              start -> {
                int next = skipPlaced(start);
                sources.add(ByteKey.copyOf(cursor.buffer(), start, next));
                return next;
              });
      if (!sources.isEmpty()) {
        Collections.sort(sources);
        result.add(new Merged(target, sources));
      }
      return end;
    }

    /** Reads an iterable: a count and elements, or blocks of these. Returns where it ends. */
    private int iterable(int position, IntUnaryOperator element) {
      byte[] buffer = cursor.buffer();
      int limit = cursor.valueEnd();
      int count = ByteBuffer.wrap(buffer).getInt(position);
      int next = position + Integer.BYTES;
      if (count != BLOCKS) {
        return run(count, next, element);
      }
      while (true) {
        long block = VarInts.decode(buffer, next, limit);
        next = VarInts.skip(buffer, next, limit);
        if (block == 0) {
          return next;
        }
        next = run(block, next, element);
      }
    }

    private int run(long count, int position, IntUnaryOperator element) {
      int next = position;
      for (long i = 0; i < count; i++) {
        next = element.applyAsInt(next);
      }
      return next;
    }
  }
}
