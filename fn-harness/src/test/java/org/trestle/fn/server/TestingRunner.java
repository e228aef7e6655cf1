package org.trestle.fn.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.FnApiTransforms;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.apache.beam.model.pipeline.v1.RunnerApi.ParDoPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.TimerFamilySpec;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.BundleRequest.Input;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.proto.Urns;

/** A server with a small descriptor and what a test of it needs; closes what it started. */
final class TestingRunner implements AutoCloseable {
  static final String IN = "in";
  static final String OUT = "out";
  static final TimerEndpoint TIMER = new TimerEndpoint("dofn", "family");

  /** One source and one sink. */
  static final String PLAIN = "plain";

  /** One source, one sink, one timer family. */
  static final String WITH_TIMERS = "with-timers";

  final FnServer server;
  final Map<String, ProcessBundleDescriptor> descriptors = new ConcurrentHashMap<>();
  final BlockingQueue<LogEntry> logs = new LinkedBlockingQueue<>();
  final WorkerSpec spec;
  private final List<TestingHarness> harnesses = new ArrayList<>();

  TestingRunner() throws IOException {
    this(FnServerOptions.defaults());
  }

  TestingRunner(FnServerOptions options) throws IOException {
    server = FnServer.start(options);
    ProcessBundleDescriptor plain =
        ProcessBundleDescriptor.newBuilder()
            .setId(PLAIN)
            .putTransforms(IN, transform(Urns.of(FnApiTransforms.Runner.DATA_SOURCE)))
            .putTransforms(OUT, transform(Urns.of(FnApiTransforms.Runner.DATA_SINK)))
            .build();
    descriptors.put(PLAIN, plain);
    descriptors.put(
        WITH_TIMERS,
        plain.toBuilder()
            .setId(WITH_TIMERS)
            .putTransforms(
                TIMER.transformId(),
                PTransform.newBuilder()
                    .setSpec(
                        FunctionSpec.newBuilder()
                            .setUrn(Urns.Transforms.PAR_DO)
                            .setPayload(
                                ParDoPayload.newBuilder()
                                    .putTimerFamilySpecs(
                                        TIMER.timerFamilyId(), TimerFamilySpec.getDefaultInstance())
                                    .build()
                                    .toByteString()))
                    .build())
            .build());
    spec =
        new WorkerSpec(
            "job-1",
            "env-1",
            Struct.getDefaultInstance(),
            List.of(),
            artifact -> {
              throw new IOException("no such artifact");
            },
            descriptors::get,
            (workerId, entry) -> logs.add(entry));
  }

  private static PTransform transform(String urn) {
    return PTransform.newBuilder().setSpec(FunctionSpec.newBuilder().setUrn(urn)).build();
  }

  /** A connected pair of worker and harness. */
  record Pair(SdkWorker worker, TestingHarness harness) {

    /** Runs a bundle of one block and returns what it wrote. */
    String run(String text) throws Exception {
      TestingReceiver receiver = new TestingReceiver();
      var unused = await(worker.process(request(text), receiver).done());
      return receiver.text(OUT);
    }
  }

  Pair connect(TestingHarness.Script script) throws Exception {
    return connect(spec, script);
  }

  Pair connect(WorkerSpec spec, TestingHarness.Script script) throws Exception {
    ExpectedWorker expected = server.expect(spec);
    TestingHarness harness = harness(expected.workerId(), script);
    return new Pair(await(expected.connected()), harness);
  }

  TestingHarness harness(String workerId, TestingHarness.Script script) {
    TestingHarness harness = TestingHarness.connect(server.endpoint().getUrl(), workerId, script);
    harnesses.add(harness);
    return harness;
  }

  /** A bundle of {@link #PLAIN}, a block for each text. */
  static BundleRequest request(String... texts) {
    return request(
        Arrays.stream(texts)
            .map(text -> (Input) new BundleRequest.Elements(IN, ByteString.copyFromUtf8(text)))
            .iterator());
  }

  static BundleRequest request(Iterator<Input> inputs) {
    return new BundleRequest(PLAIN, inputs, List.of(IN), List.of(), Set.of(OUT), List.of(), false);
  }

  static BundleRequest embedding(BundleRequest request) {
    return new BundleRequest(
        request.descriptorId(),
        request.inputs(),
        request.inputTransforms(),
        request.inputTimers(),
        request.outputTransforms(),
        request.cacheTokens(),
        true);
  }

  static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(TestingHarness.DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** Waits for a bundle to fail and returns with what. */
  static Throwable failureOf(RunningBundle bundle) throws Exception {
    CompletableFuture<ProcessBundleResponse> done = bundle.done();
    try {
      throw new AssertionError("bundle did not fail but answered " + await(done));
    } catch (ExecutionException e) {
      return Objects.requireNonNull(e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("bundle did not end", e);
    }
  }

  @Override
  public void close() {
    harnesses.forEach(TestingHarness::close);
    server.close();
  }
}
