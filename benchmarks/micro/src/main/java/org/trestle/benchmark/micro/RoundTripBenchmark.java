package org.trestle.benchmark.micro;

import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.server.ExpectedWorker;
import org.trestle.fn.server.FnServer;
import org.trestle.fn.server.FnServerOptions;
import org.trestle.fn.server.TestingBundle;
import org.trestle.fn.server.TestingHarness;

/**
 * What a harness waits for, over a real connection: the answer to a state request, and the time
 * from one bundle to the next. The harness's half is in the figures; on a machine that has other
 * work, the medians tell more than the means.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class RoundTripBenchmark {
  private static final String DESCRIPTOR = "stage";
  private static final StateGetRequest NO_TOKEN = StateGetRequest.getDefaultInstance();
  private static final StateKey USER_STATE =
      StateKey.newBuilder().setBagUserState(StateKey.BagUserState.getDefaultInstance()).build();
  private static final long DEADLINE_SECONDS = 30;

  private @Nullable Connection connection;

  /** Connects a harness, and starts the bundle that asks for state. */
  @Setup(Level.Trial)
  public void connect() throws Exception {
    connection = new Connection();
  }

  /** Ends all. */
  @TearDown(Level.Trial)
  public void close() {
    connection().close();
  }

  /** One request for user state, and its answer. */
  @Benchmark
  public StateResponse stateRequest() throws InterruptedException {
    return connection()
        .asking
        .state(StateRequest.newBuilder().setStateKey(USER_STATE).setGet(NO_TOKEN));
  }

  /** One bundle without elements, from its request to its end. */
  @Benchmark
  public Object emptyBundle() throws Exception {
    return connection().start().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  private Connection connection() {
    return Objects.requireNonNull(connection, "JMH calls connect() first");
  }

  /** A server, a harness that is connected to it, and a bundle of it that never ends by itself. */
  private static final class Connection {
    private final BlockingQueue<TestingBundle> first = new ArrayBlockingQueue<>(1);
    private final CountDownLatch over = new CountDownLatch(1);
    private final FnServer server;
    private final TestingHarness harness;
    private final SdkWorker worker;
    private final TestingBundle asking;

    Connection() throws Exception {
      server = FnServer.start(FnServerOptions.defaults());
      ExpectedWorker expected = server.expect(spec());
      harness =
          TestingHarness.connect(server.endpoint().getUrl(), expected.workerId(), this::script);
      worker = expected.connected().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
      var unused = start();
      TestingBundle bundle = first.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
      asking = Objects.requireNonNull(bundle, "the harness got no bundle in time");
      first.add(bundle);
    }

    /** The first bundle stays; as long as it is in the queue, others end at once. */
    private void script(TestingBundle bundle) throws InterruptedException {
      if (first.offer(bundle)) {
        over.await();
      }
    }

    CompletableFuture<?> start() {
      return worker.process(request(), new Answers()).done();
    }

    void close() {
      over.countDown();
      harness.close();
      server.close();
    }
  }

  private static BundleRequest request() {
    return new BundleRequest(
        DESCRIPTOR,
        List.<BundleRequest.Input>of().iterator(),
        List.of(),
        List.of(),
        Set.of(),
        List.of(),
        true);
  }

  private static WorkerSpec spec() {
    return new WorkerSpec(
        "job",
        "environment",
        Struct.getDefaultInstance(),
        List.of(),
        RoundTripBenchmark::noArtifact,
        id -> ProcessBundleDescriptor.newBuilder().setId(id).build(),
        (workerId, entry) -> {});
  }

  private static java.io.InputStream noArtifact(Object artifact) throws IOException {
    throw new FileNotFoundException("no artifact " + artifact);
  }

  /** Has a few bytes of state for each request. */
  private static final class Answers implements BundleReceiver {
    private static final ByteString STATE = ByteString.copyFromUtf8("state");

    @Override
    public void elements(String transformId, ByteString data) {}

    @Override
    public void timers(BundleRequest.TimerEndpoint endpoint, ByteString data) {}

    @Override
    public boolean answersSoon(StateRequest request) {
      return request.getStateKey().hasBagUserState();
    }

    @Override
    public StateResponse.Builder state(StateRequest request) {
      return StateResponse.newBuilder().setGet(StateGetResponse.newBuilder().setData(STATE));
    }
  }
}
