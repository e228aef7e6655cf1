package org.trestle.fn.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.FinalizeBundleRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.data.BundleFeed;
import org.trestle.fn.data.ElementsWriter;
import org.trestle.fn.state.SerialTasks;

/**
 * A bundle between its request and its end.
 *
 * <p>It ends once: well when the response is there and every output has ended, or badly with the
 * first failure. Either way {@link #done} completes only when no receiver call is under way and
 * none can begin, so the receiver's owner has it for itself from then on.
 */
final class ActiveBundle implements RunningBundle {
  private static final Logger log = LoggerFactory.getLogger(ActiveBundle.class);

  private final WorkerSession worker;
  private final String instructionId;
  private final BundleRequest request;
  private final BundleReceiver receiver;
  private final SerialTasks stateTasks;
  private final CompletableFuture<ProcessBundleResponse> done = new CompletableFuture<>();
  private final CompletableFuture<Void> ending = new CompletableFuture<>();

  /** Keeps data calls apart when a harness has several data streams. */
  private final Object receiving = new Object();

  private final Object lock = new Object();

  /** Outputs that have not ended: transform ids, and timer endpoints. */
  @GuardedBy("lock")
  private final Set<Object> open = new HashSet<>();

  @GuardedBy("lock")
  private int callsUnderWay;

  @GuardedBy("lock")
  private boolean answered;

  @GuardedBy("lock")
  private @Nullable ProcessBundleResponse response;

  @GuardedBy("lock")
  private @Nullable Exception failure;

  @GuardedBy("lock")
  private boolean settled;

  /**
   * What progress answers have told of metrics by short id: harnesses leave out of later answers,
   * and of the response, what has not changed since.
   */
  @GuardedBy("lock")
  private final Map<String, ByteString> reported = new HashMap<>();

  /** Progress requests without an answer, which may tell what the response leaves out. */
  @GuardedBy("lock")
  private int progressAsked;

  /** When the response came, for the deadline of the outputs. */
  private volatile long answeredNanos;

  private volatile @Nullable BundleFeed feed;
  private volatile @Nullable ElementsWriter inputStream;
  private volatile @Nullable ElementsWriter outputStream;

  ActiveBundle(
      WorkerSession worker,
      String instructionId,
      BundleRequest request,
      BundleReceiver receiver,
      SerialTasks stateTasks) {
    this.worker = worker;
    this.instructionId = instructionId;
    this.request = request;
    this.receiver = receiver;
    this.stateTasks = stateTasks;
    synchronized (lock) {
      open.addAll(request.outputTransforms());
      open.addAll(request.inputTimers());
    }
  }

  @Override
  public String instructionId() {
    return instructionId;
  }

  @Override
  public CompletableFuture<ProcessBundleResponse> done() {
    return done;
  }

  @Override
  public CompletableFuture<Void> ending() {
    return ending;
  }

  @Override
  public CompletableFuture<ProcessBundleProgressResponse> progress() {
    synchronized (lock) {
      progressAsked++;
    }
    return worker
        .instruct(
            InstructionRequest.newBuilder()
                .setProcessBundleProgress(
                    ProcessBundleProgressRequest.newBuilder().setInstructionId(instructionId)))
        .whenComplete(
            (message, problem) -> {
              progressed(message);
              settle();
            })
        .thenApply(message -> withAllReported(message.getProcessBundleProgress()));
  }

  private void progressed(@Nullable InstructionResponse message) {
    synchronized (lock) {
      progressAsked--;
      if (message != null) {
        reported.putAll(message.getProcessBundleProgress().getMonitoringDataMap());
      }
    }
  }

  private ProcessBundleProgressResponse withAllReported(ProcessBundleProgressResponse answer) {
    synchronized (lock) {
      return answer.toBuilder().putAllMonitoringData(reported).build();
    }
  }

  @Override
  public CompletableFuture<ProcessBundleSplitResponse> split(
      String inputTransformId,
      double fractionOfRemainder,
      long estimatedInputElements,
      List<Long> allowedSplitPoints) {
    return worker
        .instruct(
            InstructionRequest.newBuilder()
                .setProcessBundleSplit(
                    ProcessBundleSplitRequest.newBuilder()
                        .setInstructionId(instructionId)
                        .putDesiredSplits(
                            inputTransformId,
                            ProcessBundleSplitRequest.DesiredSplit.newBuilder()
                                .setFractionOfRemainder(fractionOfRemainder)
                                .setEstimatedInputElements(estimatedInputElements)
                                .addAllAllowedSplitPoints(allowedSplitPoints)
                                .build())))
        .thenApply(InstructionResponse::getProcessBundleSplit);
  }

  @Override
  public CompletableFuture<Void> finalizeBundle() {
    return worker
        .instruct(
            InstructionRequest.newBuilder()
                .setFinalizeBundle(
                    FinalizeBundleRequest.newBuilder().setInstructionId(instructionId)))
        .thenApply(response -> null);
  }

  @Override
  public void abandon(String reason) {
    giveUp("bundle was given up: " + reason);
  }

  BundleFeed feed(BundleFeed feed) {
    this.feed = feed;
    return feed;
  }

  void inputStream(ElementsWriter stream) {
    inputStream = stream;
  }

  /** Whether the harness still needs the rest of the inputs, or their ends. */
  boolean feeding() {
    BundleFeed inputs = feed;
    return inputs != null && !inputs.discarded();
  }

  /** Whether elements of the bundle went or came over a stream. */
  boolean used(ElementsWriter stream) {
    return stream.equals(inputStream) || stream.equals(outputStream);
  }

  /** Takes elements that came over a stream; false if they are dropped. */
  boolean elements(ElementsWriter stream, Elements.Data block) {
    outputStream = stream;
    return elements(block);
  }

  /** Takes timers that came over a stream; false if they are dropped. */
  boolean timers(ElementsWriter stream, Elements.Timers block) {
    outputStream = stream;
    return timers(block);
  }

  private boolean elements(Elements.Data block) {
    String transform = block.getTransformId();
    return receive(
        transform,
        request.outputTransforms().contains(transform),
        block.getData(),
        block.getIsLast(),
        data -> receiver.elements(transform, data));
  }

  private boolean timers(Elements.Timers block) {
    TimerEndpoint endpoint = new TimerEndpoint(block.getTransformId(), block.getTimerFamilyId());
    return receive(
        endpoint,
        request.inputTimers().contains(endpoint),
        block.getTimers(),
        block.getIsLast(),
        data -> receiver.timers(endpoint, data));
  }

  private boolean receive(
      Object output, boolean known, ByteString data, boolean last, Consumer<ByteString> call) {
    if (!enter()) {
      return false;
    }
    try {
      synchronized (receiving) {
        take(output, known, data, last, call);
      }
    } catch (Throwable e) {
      log.debug("receiver failed, bundle={}", instructionId, e);
      giveUp("output " + output + " cannot be taken: " + e);
    } finally {
      exit();
    }
    return true;
  }

  private void take(
      Object output, boolean known, ByteString data, boolean last, Consumer<ByteString> call) {
    if (!data.isEmpty()) {
      if (!known) {
        giveUp("harness sent data for " + output + ", which is not an output of the bundle");
        return;
      }
      if (!isOpen(output)) {
        giveUp("harness sent data after the end of output " + output);
        return;
      }
      call.accept(data);
    }
    if (last) {
      end(output);
    }
  }

  /**
   * Answers a state request, in order with the bundle's others: on the calling thread if it takes
   * no time and none of the others is under way.
   */
  void state(StateRequest stateRequest, Consumer<StateResponse> reply) {
    stateTasks.add(
        () -> {
          if (!enter()) {
            reply.accept(worker.stateError(stateRequest, "bundle has ended or was given up"));
            return;
          }
          StateResponse answer;
          try {
            answer = receiver.state(stateRequest).setId(stateRequest.getId()).build();
          } catch (Throwable e) {
            log.debug("state request failed, bundle={}", instructionId, e);
            String why = e.getMessage();
            answer = worker.stateError(stateRequest, why == null ? e.toString() : why);
          }
          try {
            reply.accept(answer);
          } finally {
            exit();
          }
        },
        receiver.answersSoon(stateRequest));
  }

  /** Takes the response; false if the bundle already had one. */
  boolean respond(InstructionResponse message, long nowNanos) {
    synchronized (lock) {
      if (answered) {
        return false;
      }
      answered = true;
      answeredNanos = nowNanos;
    }
    discardInputs();
    if (!message.getError().isEmpty()) {
      fail(new BundleFailedException(message.getError()));
    } else if (!message.hasProcessBundle()) {
      fail(
          new BundleFailedException(
              "harness answered a bundle with " + message.getResponseCase() + " and no error"));
    } else {
      ProcessBundleResponse answer = message.getProcessBundle();
      deliverEmbedded(answer);
      boolean more;
      synchronized (lock) {
        response = answer;
        more = !open.isEmpty();
      }
      if (more) {
        ending.complete(null);
      }
      settle();
    }
    return true;
  }

  private void deliverEmbedded(ProcessBundleResponse answer) {
    Elements embedded = answer.getElements();
    if (embedded.getDataCount() == 0 && embedded.getTimersCount() == 0) {
      return;
    }
    embedded.getDataList().forEach(this::elements);
    embedded.getTimersList().forEach(this::timers);
    // A response holds all elements of the bundle or none, so nothing else will come.
    synchronized (lock) {
      open.clear();
    }
  }

  /** Fails a bundle for a reason on the runner's side; the harness is led to the bundle's end. */
  void giveUp(String reason) {
    BundleFeed inputs = feed;
    if (inputs != null) {
      inputs.cut();
    }
    fail(new BundleFailedException(reason));
  }

  /** Fails the bundle because nothing more can come from the harness. */
  void lose(Exception reason) {
    discardInputs();
    fail(reason);
  }

  private void fail(Exception reason) {
    synchronized (lock) {
      if (failure == null) {
        failure = reason;
      }
    }
    settle();
  }

  private void discardInputs() {
    BundleFeed inputs = feed;
    if (inputs != null) {
      inputs.discard();
    }
  }

  private boolean enter() {
    synchronized (lock) {
      if (failure != null || settled) {
        return false;
      }
      callsUnderWay++;
      return true;
    }
  }

  private void exit() {
    synchronized (lock) {
      callsUnderWay--;
    }
    settle();
  }

  private boolean isOpen(Object output) {
    synchronized (lock) {
      return open.contains(output);
    }
  }

  private void end(Object output) {
    boolean last;
    synchronized (lock) {
      last = open.remove(output) && open.isEmpty() && !answered;
    }
    if (last) {
      ending.complete(null);
    }
  }

  private void settle() {
    Exception bad;
    ProcessBundleResponse good;
    synchronized (lock) {
      bad = failure;
      good = response;
      boolean over = bad != null || (good != null && open.isEmpty() && progressAsked == 0);
      if (settled || callsUnderWay > 0 || !over) {
        return;
      }
      settled = true;
      if (good != null && !reported.isEmpty()) {
        Map<String, ByteString> last = good.getMonitoringDataMap();
        good = good.toBuilder().putAllMonitoringData(reported).putAllMonitoringData(last).build();
      }
    }
    worker.settled(this);
    if (bad != null) {
      done.completeExceptionally(bad);
    } else {
      done.complete(good);
    }
  }

  /**
   * Fails the bundle if it has its response, but the harness does not send what else belongs to it.
   */
  void checkOutputs(long lastHeardNanos, long nowNanos, long timeoutNanos) {
    String missing;
    synchronized (lock) {
      if (response == null || settled) {
        return;
      }
      if (!open.isEmpty()) {
        missing = "did not end its outputs " + open;
      } else if (progressAsked > 0) {
        missing = "left a question about its progress without an answer";
      } else {
        return;
      }
    }
    long since = Math.min(nowNanos - answeredNanos, nowNanos - lastHeardNanos);
    if (since > timeoutNanos) {
      lose(new BundleFailedException("harness answered the bundle but " + missing));
    }
  }
}
