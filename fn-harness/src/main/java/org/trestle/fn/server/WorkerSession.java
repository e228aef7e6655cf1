package org.trestle.fn.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.MonitoringInfosMetadataRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RegisterRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.BundleFailedException;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.ControlPeer;
import org.trestle.fn.control.ControlStream;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerIdentity;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.data.BundleFeed;
import org.trestle.fn.data.DataPeer;
import org.trestle.fn.data.ElementsWriter;
import org.trestle.fn.data.Restartable;
import org.trestle.fn.logging.LoggingPeer;
import org.trestle.fn.machine.SocketOwner;
import org.trestle.fn.state.SerialTasks;
import org.trestle.fn.state.StatePeer;
import org.trestle.fn.status.StatusPeer;
import org.trestle.fn.status.StatusStream;

/**
 * The runner's side of one harness, from its expectation to its end.
 *
 * <p>{@code EXPECTED -> CONNECTED -> ENDING -> GONE}, never back, and from each to {@code ENDING}.
 * In {@code ENDING} the reason of the end is being found out: nothing is sent any more, and what is
 * in flight fails as soon as the reason is known.
 */
final class WorkerSession
    implements SdkWorker,
        ExpectedWorker,
        ControlPeer,
        DataPeer,
        StatePeer,
        LoggingPeer,
        StatusPeer {
  private static final Logger log = LoggerFactory.getLogger(WorkerSession.class);

  /** Inputs up to this size may ride inside of a control message. */
  private static final int EMBED_BYTES = 64 << 10;

  /** How long the loss of a harness may show itself later than the end of a data stream. */
  private static final long STREAM_GRACE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** How many of a harness's last errors explain its end. */
  private static final int LAST_ERRORS = 3;

  private static final int ERROR_CHARS = 2000;

  /** A log that says nothing for this long, and twice the time of an answer, has said all. */
  private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private static final long LAST_LOG_MILLIS = 1_000;

  /**
   * Descriptors are sent ahead as long as these are their bytes, so that nothing waits for them.
   */
  private static final int AHEAD_BYTES = 1 << 20;

  private enum Phase {
    EXPECTED,
    CONNECTED,
    ENDING,
    GONE
  }

  /** What the sessions of a server share. */
  record Shared(
      FnServerOptions options,
      Counters counters,
      AtomicLong instructionIds,
      Executor stateExecutor,
      Consumer<WorkerSession> onEnd) {}

  /** The ends of one of the harness's connections. */
  private record Connection(InetSocketAddress harness, InetSocketAddress runner) {}

  /** An instruction other than a bundle, waiting for its response. */
  private record Pending(CompletableFuture<InstructionResponse> response, long sentNanos) {}

  private final WorkerIdentity identity;
  private final LossReport lossReport;
  private final Shared shared;
  private final CompletableFuture<SdkWorker> connected = new CompletableFuture<>();
  private final CompletableFuture<String> lost = new CompletableFuture<>();
  private final Map<String, ActiveBundle> bundles = new ConcurrentHashMap<>();
  private final Set<String> registered = ConcurrentHashMap.newKeySet();
  private final Map<String, Pending> pending = new ConcurrentHashMap<>();
  private final DataStreams dataStreams = new DataStreams();
  private final AtomicLong logEntries = new AtomicLong();
  private volatile @Nullable Connection connection;
  private volatile @Nullable StatusStream statusStream;
  private volatile boolean logging;
  private volatile long lastDataNanos;

  private final Object lock = new Object();

  @GuardedBy("lock")
  private Phase phase = Phase.EXPECTED;

  @GuardedBy("lock")
  private @Nullable ControlStream control;

  @GuardedBy("lock")
  private final ArrayDeque<String> lastErrors = new ArrayDeque<>();

  WorkerSession(WorkerIdentity identity, LossReport lossReport, Shared shared) {
    this.identity = identity;
    this.lossReport = lossReport;
    this.shared = shared;
    this.lastDataNanos = now();
  }

  WorkerIdentity identity() {
    return identity;
  }

  @Override
  public String id() {
    return identity.workerId();
  }

  @Override
  public String workerId() {
    return identity.workerId();
  }

  @Override
  public CompletableFuture<SdkWorker> connected() {
    return connected;
  }

  @Override
  public CompletableFuture<String> lost() {
    return lost;
  }

  /** The harness has called. */
  void called(InetSocketAddress harness, InetSocketAddress runner) {
    connection = new Connection(harness, runner);
  }

  @Override
  public CompletableFuture<Optional<ProcessHandle>> process() {
    Connection known = connection;
    if (known == null) {
      return CompletableFuture.completedFuture(Optional.empty());
    }
    return CompletableFuture.supplyAsync(() -> SocketOwner.find(known.harness(), known.runner()));
  }

  @Override
  public String toString() {
    WorkerSpec spec = identity.spec();
    return "worker of environment " + spec.environmentId() + ", job " + spec.jobId();
  }

  // Bundles and other instructions

  @Override
  public RunningBundle process(BundleRequest request, BundleReceiver receiver) {
    String id = "bundle-" + shared.instructionIds().incrementAndGet();
    ActiveBundle bundle =
        new ActiveBundle(this, id, request, receiver, new SerialTasks(shared.stateExecutor()));
    ProcessBundleRequest.Builder message =
        ProcessBundleRequest.newBuilder()
            .setProcessBundleDescriptorId(request.descriptorId())
            .addAllCacheTokens(request.cacheTokens());
    Iterator<BundleRequest.Input> inputs = request.inputs();
    boolean embedded = false;
    if (request.embedElements()) {
      Restartable first = new Restartable(inputs);
      inputs = first;
      try {
        Elements elements = BundleFeed.embed(first, id, request, EMBED_BYTES);
        if (elements != null) {
          message.setElements(elements);
          embedded = true;
        }
      } catch (RuntimeException e) {
        bundle.giveUp(String.valueOf(e.getMessage()));
        return bundle;
      }
    }
    bundles.put(id, bundle);
    register(request.descriptorId());
    boolean sent =
        send(InstructionRequest.newBuilder().setInstructionId(id).setProcessBundle(message));
    if (isGone()) {
      bundle.lose(lostException());
    } else if (sent && !embedded) {
      BundleFeed feed =
          new BundleFeed(
              id,
              inputs,
              request.inputTransforms(),
              request.inputTimers(),
              e -> bundle.giveUp("inputs of the bundle cannot be read: " + e));
      dataStreams.send(bundle, bundle.feed(feed));
    }
    return bundle;
  }

  /** Sends a descriptor before its first bundle, which saves the harness a call. */
  private void register(String descriptorId) {
    if (!registered.add(descriptorId)) {
      return;
    }
    ProcessBundleDescriptor descriptor = descriptor(descriptorId);
    if (descriptor != null) {
      register(RegisterRequest.newBuilder().addProcessBundleDescriptor(descriptor));
    }
  }

  /**
   * Sends descriptors. A harness that does not keep them, or knows no such instruction, asks for
   * them as if nothing had come.
   */
  private void register(RegisterRequest.Builder descriptors) {
    var unused = instruct(InstructionRequest.newBuilder().setRegister(descriptors));
  }

  @Override
  public void sendAhead(Collection<String> descriptorIds) {
    RegisterRequest.Builder ahead = RegisterRequest.newBuilder();
    int bytes = 0;
    for (String id : descriptorIds) {
      ProcessBundleDescriptor descriptor = registered.contains(id) ? null : descriptor(id);
      if (descriptor == null || bytes + descriptor.getSerializedSize() > AHEAD_BYTES) {
        continue;
      }
      if (registered.add(id)) {
        bytes += descriptor.getSerializedSize();
        ahead.addProcessBundleDescriptor(descriptor);
      }
    }
    if (bytes > 0) {
      register(ahead);
    }
  }

  @Override
  public CompletableFuture<InstructionResponse> instruct(InstructionRequest.Builder request) {
    String id = "instruction-" + shared.instructionIds().incrementAndGet();
    CompletableFuture<InstructionResponse> response = new CompletableFuture<>();
    pending.put(id, new Pending(response, now()));
    send(request.setInstructionId(id));
    if (isGone() && pending.remove(id) != null) {
      response.completeExceptionally(lostException());
    }
    return response;
  }

  private boolean send(InstructionRequest.Builder request) {
    ControlStream stream;
    synchronized (lock) {
      if (phase != Phase.CONNECTED || control == null) {
        return false;
      }
      stream = control;
    }
    stream.send(request.build());
    return true;
  }

  private boolean isGone() {
    synchronized (lock) {
      return phase == Phase.GONE;
    }
  }

  private WorkerLostException lostException() {
    return new WorkerLostException(this + " was lost: " + lost.getNow("its end is not explained"));
  }

  /** A bundle has ended; its instruction id is unknown from here on. */
  void settled(ActiveBundle bundle) {
    bundles.remove(bundle.instructionId());
    if (!bundle.feeding()) {
      dataStreams.forget(bundle);
    }
  }

  // Control

  @Override
  public boolean controlOpened(ControlStream stream) {
    synchronized (lock) {
      if (phase != Phase.EXPECTED) {
        return false;
      }
      phase = Phase.CONNECTED;
      control = stream;
    }
    connected.complete(this);
    return true;
  }

  @Override
  public void responded(InstructionResponse response) {
    String id = response.getInstructionId();
    ActiveBundle bundle = bundles.get(id);
    if (bundle != null && bundle.respond(response, now())) {
      return;
    }
    Pending instruction = pending.remove(id);
    if (instruction == null) {
      shared.counters().ignoredResponses.increment();
      log.debug("response to an unknown or answered instruction, id={}, {}", id, this);
    } else if (response.getError().isEmpty()) {
      instruction.response().complete(response);
    } else {
      instruction.response().completeExceptionally(new BundleFailedException(response.getError()));
    }
  }

  @Override
  public void controlClosed(String how) {
    end(how, true);
  }

  @Override
  public @Nullable ProcessBundleDescriptor descriptor(String id) {
    return identity.spec().descriptors().apply(id);
  }

  // Data

  @Override
  public void dataOpened(ElementsWriter stream) {
    dataStreams.opened(stream);
    synchronized (lock) {
      if (phase != Phase.ENDING && phase != Phase.GONE) {
        return;
      }
    }
    stream.close();
  }

  @Override
  public void received(ElementsWriter stream, Elements elements) {
    lastDataNanos = now();
    for (Elements.Data block : elements.getDataList()) {
      ActiveBundle bundle = bundles.get(block.getInstructionId());
      if (bundle == null || !bundle.elements(stream, block)) {
        dropped(block.getInstructionId());
      }
    }
    for (Elements.Timers block : elements.getTimersList()) {
      ActiveBundle bundle = bundles.get(block.getInstructionId());
      if (bundle == null || !bundle.timers(stream, block)) {
        dropped(block.getInstructionId());
      }
    }
  }

  private void dropped(String instructionId) {
    shared.counters().droppedBlocks.increment();
    log.debug("elements for an unknown or failed bundle, id={}, {}", instructionId, this);
  }

  @Override
  public void dataClosed(ElementsWriter stream, String how) {
    // A harness that dies breaks all its streams, in any order: its bundles fail with its loss if
    // that shows within the grace period, else in the next check of deadlines.
    dataStreams.closed(stream, how, now());
  }

  // State

  @Override
  public void state(StateRequest request, Consumer<StateResponse> reply) {
    ActiveBundle bundle = bundles.get(request.getInstructionId());
    if (bundle == null) {
      reply.accept(stateError(request, "no bundle with this instruction id is running"));
      return;
    }
    try {
      bundle.state(request, reply);
    } catch (RejectedExecutionException e) {
      reply.accept(stateError(request, "runner is closed"));
    }
  }

  /** Builds the error response to a state request. */
  StateResponse stateError(StateRequest request, String why) {
    shared.counters().failedStateRequests.increment();
    return StateResponse.newBuilder()
        .setId(request.getId())
        .setError(
            "state request failed: "
                + why
                + " (instruction "
                + request.getInstructionId()
                + ", "
                + request.getStateKey().getTypeCase()
                + ")")
        .build();
  }

  // Logging

  @Override
  public void logOpened() {
    logging = true;
  }

  @Override
  public void logged(LogEntry entry) {
    logEntries.incrementAndGet();
    if (entry.getSeverity().getNumber() >= LogEntry.Severity.Enum.ERROR_VALUE) {
      String message = entry.getMessage();
      synchronized (lock) {
        lastErrors.add(message.substring(0, Math.min(ERROR_CHARS, message.length())));
        if (lastErrors.size() > LAST_ERRORS) {
          lastErrors.remove();
        }
      }
    }
    try {
      identity.spec().logs().log(identity.workerId(), entry);
    } catch (RuntimeException e) {
      log.warn("log sink failed, {}", this, e);
    }
  }

  @Override
  public CompletableFuture<Void> logsArrived() {
    if (!logging) {
      return CompletableFuture.completedFuture(null);
    }
    long asked = System.nanoTime();
    return instruct(
            InstructionRequest.newBuilder()
                .setMonitoringInfos(MonitoringInfosMetadataRequest.getDefaultInstance()))
        .handle((response, failure) -> System.nanoTime() - asked)
        .thenCompose(nanos -> logQuiet(logEntries.get(), QUIET_NANOS + 2 * nanos))
        .completeOnTimeout(null, LAST_LOG_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Completes when the count of log entries has stayed the same for some time. */
  private CompletableFuture<Void> logQuiet(long before, long nanos) {
    return CompletableFuture.supplyAsync(
            logEntries::get, CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS))
        .thenCompose(
            now ->
                now == before || isGone()
                    ? CompletableFuture.completedFuture(null)
                    : logQuiet(now, nanos));
  }

  // Status

  @Override
  public void statusOpened(StatusStream stream) {
    statusStream = stream;
  }

  @Override
  public CompletableFuture<String> statusReport() {
    StatusStream stream = statusStream;
    return stream == null ? SdkWorker.super.statusReport() : stream.report();
  }

  // The end

  @Override
  public void release(String how) {
    end(how, false);
  }

  /** Ends the session; with {@code ask}, once the loss report has said more. */
  private void end(String how, boolean ask) {
    ControlStream stream;
    synchronized (lock) {
      if (phase == Phase.ENDING || phase == Phase.GONE) {
        return;
      }
      phase = Phase.ENDING;
      stream = control;
    }
    shared.onEnd().accept(this);
    if (stream != null) {
      stream.close();
    }
    dataStreams.close();
    if (!ask) {
      gone(how);
      return;
    }
    var unused =
        lossReport
            .explain(how)
            .completeOnTimeout(how, 2, TimeUnit.SECONDS)
            .whenComplete((text, failure) -> gone(failure == null ? text : how));
  }

  private void gone(String how) {
    String reason;
    synchronized (lock) {
      phase = Phase.GONE;
      reason =
          lastErrors.isEmpty() ? how : how + "; its last errors: " + String.join("\n", lastErrors);
    }
    lost.complete(reason);
    connected.completeExceptionally(lostException());
    for (ActiveBundle bundle : bundles.values()) {
      bundle.lose(lostException());
    }
    for (String id : List.copyOf(pending.keySet())) {
      Pending instruction = pending.remove(id);
      if (instruction != null) {
        instruction.response().completeExceptionally(lostException());
      }
    }
  }

  /** Fails what has missed its deadline. */
  void sweep() {
    long now = now();
    long instructionNanos = shared.options().instructionTimeout().toNanos();
    pending.forEach(
        (id, instruction) -> {
          if (now - instruction.sentNanos() > instructionNanos && pending.remove(id) != null) {
            instruction
                .response()
                .completeExceptionally(
                    new BundleFailedException(
                        "harness did not answer within "
                            + seconds(shared.options().instructionTimeout())));
          }
        });
    for (DataStreams.Closed closed : dataStreams.closedBefore(now, STREAM_GRACE_NANOS)) {
      for (ActiveBundle bundle : bundles.values()) {
        if (bundle.used(closed.stream())) {
          bundle.lose(new BundleFailedException(closed.how() + " while the bundle was running"));
        }
      }
    }
    long outputNanos = shared.options().outputTimeout().toNanos();
    bundles.values().forEach(bundle -> bundle.checkOutputs(lastDataNanos, now, outputNanos));
    Duration streamTimeout = shared.options().dataStreamTimeout();
    dataStreams
        .overdue(now, streamTimeout.toNanos())
        .forEach(
            bundle ->
                bundle.lose(
                    new BundleFailedException(
                        "harness closed its data stream and opened no other within "
                            + seconds(streamTimeout))));
  }

  private static String seconds(Duration duration) {
    return duration.toSeconds() + " s";
  }

  private long now() {
    return shared.options().nanoClock().getAsLong();
  }
}
