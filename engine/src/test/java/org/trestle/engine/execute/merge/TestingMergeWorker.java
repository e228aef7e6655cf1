package org.trestle.engine.execute.merge;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.VarInts;

/**
 * A harness with a merging window fn, as far as its bundles can tell. Windows are a timestamp, a
 * length and as many bytes; elements are read and written by hand, not with the code under test.
 */
final class TestingMergeWorker implements SdkWorker {
  /** What the window fn answers for one set of windows. */
  record Answer(List<ByteKey> leftAlone, List<Target> merged) {}

  /** A new window and what it replaces. */
  record Target(ByteKey window, List<ByteKey> sources) {}

  final List<BundleRequest> requests = new ArrayList<>();
  final List<List<ByteKey>> seen = new ArrayList<>();
  final List<String> abandoned = new ArrayList<>();
  final CompletableFuture<ProcessBundleResponse> done = new CompletableFuture<>();
  int inputs;

  private final Function<List<ByteKey>, Answer> windowFn;
  private final boolean answersInBlocks;
  private final @Nullable Exception failure;
  private final boolean hangs;

  private TestingMergeWorker(
      Function<List<ByteKey>, Answer> windowFn,
      boolean answersInBlocks,
      @Nullable Exception failure,
      boolean hangs) {
    this.windowFn = windowFn;
    this.answersInBlocks = answersInBlocks;
    this.failure = failure;
    this.hangs = hangs;
  }

  static TestingMergeWorker merging(Function<List<ByteKey>, Answer> windowFn) {
    return new TestingMergeWorker(windowFn, false, null, false);
  }

  static TestingMergeWorker mergingInBlocks(Function<List<ByteKey>, Answer> windowFn) {
    return new TestingMergeWorker(windowFn, true, null, false);
  }

  static TestingMergeWorker failing(Exception failure) {
    return new TestingMergeWorker(set -> new Answer(set, List.of()), false, failure, false);
  }

  static TestingMergeWorker hanging() {
    return new TestingMergeWorker(set -> new Answer(set, List.of()), false, null, true);
  }

  @Override
  public String id() {
    return "worker";
  }

  @Override
  public RunningBundle process(BundleRequest request, BundleReceiver receiver) {
    requests.add(request);
    if (failure != null) {
      done.completeExceptionally(failure);
    } else if (!hangs) {
      try {
        request.inputs().forEachRemaining(input -> answer(input, receiver));
        done.complete(ProcessBundleResponse.getDefaultInstance());
      } catch (RuntimeException e) {
        // as a worker does when its receiver refuses data
        done.completeExceptionally(e);
      }
    }
    return new Bundle();
  }

  private void answer(BundleRequest.Input input, BundleReceiver receiver) {
    inputs++;
    byte[] bytes = ((BundleRequest.Elements) input).data().toByteArray();
    ByteSink output = new ByteSink();
    int position = 0;
    while (position < bytes.length) {
      int nonce = position + 8 + 4 + 1;
      int nonceEnd = VarInts.skip(bytes, nonce, bytes.length) + bytes[nonce];
      output.put(bytes, position, nonceEnd);
      List<ByteKey> windows = new ArrayList<>();
      int count = ByteBuffer.wrap(bytes).getInt(nonceEnd);
      position = nonceEnd + 4;
      for (int i = 0; i < count; i++) {
        int end = position + 9 + bytes[position + 8];
        windows.add(ByteKey.copyOf(bytes, position, end));
        position = end;
      }
      seen.add(windows);
      write(output, windowFn.apply(windows));
    }
    receiver.elements(WindowProgram.SINK, output.toByteString());
  }

  private void write(ByteSink output, Answer answer) {
    writeWindows(output, answer.leftAlone);
    output.putInt(answersInBlocks ? -1 : answer.merged.size());
    for (Target target : answer.merged) {
      if (answersInBlocks) {
        output.putVarInt(1);
      }
      output.put(target.window.bytes());
      writeWindows(output, target.sources);
    }
    if (answersInBlocks) {
      output.putVarInt(0);
    }
  }

  private void writeWindows(ByteSink output, List<ByteKey> windows) {
    output.putInt(answersInBlocks ? -1 : windows.size());
    if (answersInBlocks && !windows.isEmpty()) {
      output.putVarInt(windows.size());
    }
    windows.forEach(window -> output.put(window.bytes()));
    if (answersInBlocks) {
      output.putVarInt(0);
    }
  }

  @Override
  public CompletableFuture<InstructionResponse> instruct(InstructionRequest.Builder request) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<Void> logsArrived() {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletableFuture<String> lost() {
    return new CompletableFuture<>();
  }

  private final class Bundle implements RunningBundle {
    @Override
    public String instructionId() {
      return "bundle";
    }

    @Override
    public CompletableFuture<ProcessBundleResponse> done() {
      return done;
    }

    @Override
    public CompletableFuture<Void> ending() {
      return new CompletableFuture<>();
    }

    @Override
    public CompletableFuture<ProcessBundleProgressResponse> progress() {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<ProcessBundleSplitResponse> split(
        String inputTransformId,
        double fractionOfRemainder,
        long estimatedInputElements,
        List<Long> allowedSplitPoints) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> finalizeBundle() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void abandon(String reason) {
      abandoned.add(reason);
    }
  }

  /** A custom window of some bytes. */
  static ByteKey window(int... bytes) {
    ByteSink sink = new ByteSink().putLong(0).putByte(bytes.length);
    for (int value : bytes) {
      sink.putByte(value);
    }
    return ByteKey.wrap(sink.toByteArray());
  }
}
