package org.trestle.fn.server;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.FinalizeBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.GetProcessBundleDescriptorRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogControl;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RegisterResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnControlGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnDataGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnLoggingGrpc;
import org.apache.beam.model.fnexecution.v1.BeamFnStateGrpc;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.GetProvisionInfoRequest;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.ProvisionInfo;
import org.apache.beam.model.fnexecution.v1.ProvisionServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.jspecify.annotations.Nullable;

/**
 * A stand-in for an SDK harness: real gRPC, and bundles answered by a script.
 *
 * <p>A script may behave or not. Beside its bundle it can use the harness's own methods to send
 * what no harness should. Each bundle runs on a thread of its own.
 */
public final class TestingHarness implements AutoCloseable {
  static final long DEADLINE_SECONDS = 30;

  private static final Metadata.Key<String> WORKER_ID =
      Metadata.Key.of("worker_id", Metadata.ASCII_STRING_MARSHALLER);

  /** What a harness does with a bundle. */
  @FunctionalInterface
  public interface Script {
    /**
     * Runs a bundle. Afterwards outputs are ended and an empty response is sent, unless the script
     * has done these itself; an exception is answered as the bundle's error.
     */
    void run(TestingBundle bundle) throws Exception;
  }

  private final Script script;
  private final ManagedChannel channel;
  private final ExecutorService executor;
  private final StreamObserver<InstructionResponse> control;
  private final CompletableFuture<Status> ended = new CompletableFuture<>();
  private final Map<String, TestingBundle> bundles = new ConcurrentHashMap<>();
  private final Map<String, ProcessBundleDescriptor> descriptors = new ConcurrentHashMap<>();
  private final Map<String, ProcessBundleDescriptor> registered = new ConcurrentHashMap<>();
  private final AtomicInteger registrations = new AtomicInteger();
  private final Map<String, CompletableFuture<StateResponse>> stateReplies =
      new ConcurrentHashMap<>();
  private final BlockingQueue<InstructionRequest> instructions = new LinkedBlockingQueue<>();
  private final AtomicInteger stateIds = new AtomicInteger();
  private volatile Function<InstructionResponse, @Nullable InstructionResponse> answer =
      response -> response;
  private volatile CountDownLatch dataGate = new CountDownLatch(0);
  private volatile boolean dead;
  private volatile boolean refusingData;
  private @Nullable StreamObserver<Elements> data;
  private @Nullable StreamObserver<StateRequest> state;

  private TestingHarness(String endpoint, String workerId, Script script) {
    this.script = script;
    // A harness that has died drops what its channel still wants to tell it: an exception there
    // would keep the channel from closing its connection.
    executor =
        new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> {
              Thread thread = new Thread(task, "testing-harness");
              thread.setDaemon(true);
              return thread;
            },
            new ThreadPoolExecutor.DiscardPolicy());
    Metadata headers = new Metadata();
    headers.put(WORKER_ID, workerId);
    channel =
        NettyChannelBuilder.forTarget(endpoint)
            .usePlaintext()
            .executor(executor)
            .flowControlWindow(8 << 20)
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .intercept(MetadataUtils.newAttachHeadersInterceptor(headers))
            .build();
    control = BeamFnControlGrpc.newStub(channel).control(new ControlObserver());
  }

  /** Connects under an id that the server expects, or under a wrong one. */
  public static TestingHarness connect(String endpoint, String workerId, Script script) {
    return new TestingHarness(endpoint, workerId, script);
  }

  /** Sends each input block back to each output, unchanged; timers to their own family. */
  public static Script echo() {
    return bundle -> {
      for (var input = bundle.next(); input != null; input = bundle.next()) {
        bundle.echo(input);
      }
    };
  }

  /** Reads all inputs and writes nothing. */
  public static Script consume() {
    return bundle -> {
      while (bundle.next() != null) {
        // Only to reach the end.
      }
    };
  }

  /** Completes with the status of the control stream when that ends. */
  public CompletableFuture<Status> ended() {
    return ended;
  }

  /** Waits for the next instruction that is not a bundle. */
  public InstructionRequest takeInstruction() throws InterruptedException {
    InstructionRequest next = instructions.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
    if (next == null) {
      throw new IllegalStateException("no instruction came");
    }
    return next;
  }

  /** Changes the (empty, successful) answers to instructions other than bundles; null for none. */
  public void answerInstructions(
      Function<InstructionResponse, @Nullable InstructionResponse> change) {
    answer = change;
  }

  /** Sends any response. */
  public void send(InstructionResponse response) {
    synchronized (control) {
      if (!dead && !ended.isDone()) {
        control.onNext(response);
      }
    }
  }

  /** Sends any elements, opening the data stream if need be. */
  public void send(Elements elements) {
    if (dead) {
      return;
    }
    StreamObserver<Elements> stream = dataStream();
    synchronized (stream) {
      stream.onNext(elements);
    }
  }

  /** Sends any state request and waits for the answer; its id is set here. */
  public StateResponse state(StateRequest.Builder request) throws InterruptedException {
    String id = "state-" + stateIds.incrementAndGet();
    CompletableFuture<StateResponse> reply = new CompletableFuture<>();
    stateReplies.put(id, reply);
    StreamObserver<StateRequest> stream = stateStream();
    synchronized (stream) {
      stream.onNext(request.setId(id).build());
    }
    try {
      return reply.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("no answer to state request " + id, e);
    }
  }

  /** Sends log entries and waits until the server has taken them. */
  public void log(LogEntry... entries) throws InterruptedException {
    CountDownLatch taken = new CountDownLatch(1);
    StreamObserver<LogEntry.List> stream =
        BeamFnLoggingGrpc.newStub(channel)
            .logging(
                new StreamObserver<LogControl>() {
                  @Override
                  public void onNext(LogControl control) {}

                  @Override
                  public void onError(Throwable error) {}

                  @Override
                  public void onCompleted() {
                    taken.countDown();
                  }
                });
    LogEntry.List.Builder list = LogEntry.List.newBuilder();
    for (LogEntry entry : entries) {
      list.addLogEntries(entry);
    }
    stream.onNext(list.build());
    stream.onCompleted();
    if (!taken.await(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
      throw new IllegalStateException("logs were not taken");
    }
  }

  /** The descriptors that the runner sent without being asked. */
  public Map<String, ProcessBundleDescriptor> registered() {
    return registered;
  }

  /** How often descriptors were sent unasked. */
  public int registrations() {
    return registrations.get();
  }

  /** Asks the provision service. */
  public ProvisionInfo provision() throws StatusException {
    return ProvisionServiceGrpc.newBlockingV2Stub(channel)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
        .getProvisionInfo(GetProvisionInfoRequest.getDefaultInstance())
        .getInfo();
  }

  /** Fetches a descriptor; known ones come from a cache. */
  public ProcessBundleDescriptor descriptor(String id) throws StatusException {
    ProcessBundleDescriptor known = descriptors.get(id);
    if (known == null) {
      known =
          BeamFnControlGrpc.newBlockingV2Stub(channel)
              .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
              .getProcessBundleDescriptor(
                  GetProcessBundleDescriptorRequest.newBuilder()
                      .setProcessBundleDescriptorId(id)
                      .build());
      descriptors.put(id, known);
    }
    return known;
  }

  /** Fetches an artifact. */
  public byte[] artifact(ArtifactInformation artifact) {
    Iterator<GetArtifactResponse> chunks =
        ArtifactRetrievalServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
            .getArtifact(GetArtifactRequest.newBuilder().setArtifact(artifact).build());
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    while (chunks.hasNext()) {
      ByteString chunk = chunks.next().getData();
      content.writeBytes(chunk.toByteArray());
    }
    return content.toByteArray();
  }

  /** Stops reading the data stream, so that the server's writes pile up. */
  public void holdData() {
    dataGate = new CountDownLatch(1);
  }

  /** Reads on. */
  public void releaseData() {
    dataGate.countDown();
  }

  /** Opens the data stream now rather than with the first bundle. */
  public void openDataStream() {
    var unused = dataStream();
  }

  /** Closes the data stream alone; the next use opens another. */
  public synchronized void closeDataStream() {
    StreamObserver<Elements> stream = data;
    data = null;
    if (stream != null) {
      synchronized (stream) {
        stream.onCompleted();
      }
    }
  }

  /** Closes the data stream and opens no other with the next bundles. */
  public void refuseDataStreams() {
    refusingData = true;
    closeDataStream();
  }

  /** Breaks all connections at once, as a crash does. */
  public void die() {
    dead = true;
    releaseData();
    channel.shutdownNow();
    executor.shutdownNow();
  }

  /** Leaves politely. */
  @Override
  public void close() {
    releaseData();
    if (!ended.isDone()) {
      synchronized (control) {
        control.onCompleted();
      }
    }
    try {
      ended.get(1, TimeUnit.SECONDS);
      channel.shutdownNow().awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      // Not everyone answers a farewell.
    }
    channel.shutdownNow();
    executor.shutdownNow();
  }

  private synchronized StreamObserver<Elements> dataStream() {
    StreamObserver<Elements> stream = data;
    if (stream == null) {
      stream = BeamFnDataGrpc.newStub(channel).data(new DataObserver());
      data = stream;
    }
    return stream;
  }

  private synchronized StreamObserver<StateRequest> stateStream() {
    StreamObserver<StateRequest> stream = state;
    if (stream == null) {
      stream = BeamFnStateGrpc.newStub(channel).state(new StateObserver());
      state = stream;
    }
    return stream;
  }

  private TestingBundle bundle(String instructionId) {
    return bundles.computeIfAbsent(instructionId, id -> new TestingBundle(this, id));
  }

  private void runBundle(InstructionRequest request) {
    TestingBundle bundle = bundle(request.getInstructionId());
    try {
      bundle.begin(
          request.getProcessBundle(),
          descriptor(request.getProcessBundle().getProcessBundleDescriptorId()));
      if (!refusingData) {
        openDataStream();
      }
      script.run(bundle);
      bundle.finish();
    } catch (Throwable e) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      if (!ended.isDone()) {
        send(
            InstructionResponse.newBuilder()
                .setInstructionId(request.getInstructionId())
                .setError(trace.toString())
                .build());
      }
    }
  }

  private final class ControlObserver implements StreamObserver<InstructionRequest> {
    @Override
    public void onNext(InstructionRequest request) {
      if (request.hasProcessBundle()) {
        executor.execute(() -> runBundle(request));
        return;
      }
      InstructionResponse.Builder response =
          InstructionResponse.newBuilder().setInstructionId(request.getInstructionId());
      if (request.hasRegister()) {
        registrations.incrementAndGet();
        request
            .getRegister()
            .getProcessBundleDescriptorList()
            .forEach(descriptor -> registered.put(descriptor.getId(), descriptor));
        send(response.setRegister(RegisterResponse.getDefaultInstance()).build());
        return;
      }
      instructions.add(request);
      switch (request.getRequestCase()) {
        case PROCESS_BUNDLE_PROGRESS ->
            response.setProcessBundleProgress(ProcessBundleProgressResponse.getDefaultInstance());
        case PROCESS_BUNDLE_SPLIT ->
            response.setProcessBundleSplit(ProcessBundleSplitResponse.getDefaultInstance());
        case FINALIZE_BUNDLE ->
            response.setFinalizeBundle(FinalizeBundleResponse.getDefaultInstance());
        default -> response.setError("instruction " + request.getRequestCase() + " is unknown");
      }
      InstructionResponse changed = answer.apply(response.build());
      if (changed != null) {
        send(changed);
      }
    }

    @Override
    public void onError(Throwable error) {
      ended.complete(Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
      ended.complete(Status.OK);
    }
  }

  private final class DataObserver implements StreamObserver<Elements> {
    @Override
    public void onNext(Elements elements) {
      try {
        dataGate.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
      elements.getTimersList().forEach(block -> bundle(block.getInstructionId()).arrived(block));
      elements.getDataList().forEach(block -> bundle(block.getInstructionId()).arrived(block));
    }

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }

  private final class StateObserver implements StreamObserver<StateResponse> {
    @Override
    public void onNext(StateResponse response) {
      CompletableFuture<StateResponse> reply = stateReplies.remove(response.getId());
      if (reply != null) {
        reply.complete(response);
      }
    }

    @Override
    public void onError(Throwable error) {
      stateReplies.values().forEach(reply -> reply.completeExceptionally(error));
    }

    @Override
    public void onCompleted() {
      onError(new IllegalStateException("state stream was closed"));
    }
  }
}
