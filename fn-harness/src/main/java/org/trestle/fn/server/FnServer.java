package org.trestle.fn.server;

import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.beam.model.fnexecution.v1.BeamFnStateGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.artifact.ArtifactService;
import org.trestle.fn.control.ControlService;
import org.trestle.fn.control.WorkerIdentity;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.data.DataService;
import org.trestle.fn.logging.LoggingService;
import org.trestle.fn.provision.ProvisioningService;
import org.trestle.fn.state.StateService;
import org.trestle.fn.status.WorkerStatusService;

/**
 * The runner's end of the Fn API for all harnesses of the process: control, data, state, logging,
 * worker status, provisioning and artifact retrieval on one port.
 *
 * <p>Safe for use by several threads.
 */
public final class FnServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(FnServer.class);

  private static final int FLOW_CONTROL_WINDOW = 8 << 20;
  private static final Duration SWEEP_PERIOD = Duration.ofMillis(500);

  private final FnServerOptions options;
  private final Counters counters = new Counters();
  private final WorkerDirectory directory = new WorkerDirectory(counters);
  private final ExecutorService callExecutor;
  private final ExecutorService dataExecutor;
  private final ExecutorService stateExecutor;
  private final ScheduledExecutorService sweeper;
  private final WorkerSession.Shared shared;
  private final Server server;

  private FnServer(FnServerOptions options) {
    this.options = options;
    int threads = Math.max(4, 2 * Runtime.getRuntime().availableProcessors());
    callExecutor = Executors.newFixedThreadPool(threads, named("fn-call-"));
    dataExecutor = Executors.newFixedThreadPool(threads, named("fn-data-"));
    stateExecutor = Executors.newFixedThreadPool(threads, named("fn-state-"));
    sweeper = Executors.newSingleThreadScheduledExecutor(named("fn-sweep-"));
    shared =
        new WorkerSession.Shared(
            options, counters, new AtomicLong(), stateExecutor, directory::remove);
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(options.bindHost(), options.port()))
            .executor(callExecutor)
            .callExecutor(new StateCallsWhereTheyArrive())
            .initialFlowControlWindow(FLOW_CONTROL_WINDOW)
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .keepAliveTime(1, TimeUnit.MINUTES)
            .keepAliveTimeout(1, TimeUnit.MINUTES)
            .permitKeepAliveTime(1, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .addStreamTracerFactory(new HugeMessages())
            .intercept(directory)
            .addService(new ControlService(WorkerDirectory::caller))
            .addService(new DataService(WorkerDirectory::caller, dataExecutor))
            .addService(new StateService(WorkerDirectory::caller))
            .addService(new LoggingService(WorkerDirectory::caller))
            .addService(new WorkerStatusService(WorkerDirectory::caller))
            .addService(
                new ProvisioningService(FnServer::identity, this::endpoint, options.metadata()))
            .addService(new ArtifactService(FnServer::identity))
            .build();
  }

  /**
   * Starts a server.
   *
   * @throws IOException if it cannot listen on the address
   */
  public static FnServer start(FnServerOptions options) throws IOException {
    FnServer fnServer = new FnServer(options);
    try {
      fnServer.server.start();
    } catch (IOException e) {
      fnServer.shutdownExecutors();
      throw e;
    }
    long period = SWEEP_PERIOD.toMillis();
    var unused =
        fnServer.sweeper.scheduleWithFixedDelay(
            fnServer::sweep, period, period, TimeUnit.MILLISECONDS);
    log.debug("serving the Fn API, endpoint={}", fnServer.endpoint().getUrl());
    return fnServer;
  }

  /** Returns where harnesses reach the server, as process bundle descriptors need it. */
  public ApiServiceDescriptor endpoint() {
    return ApiServiceDescriptor.newBuilder()
        .setUrl(options.advertisedHost() + ":" + server.getPort())
        .build();
  }

  /** Lets a harness in under a new id. */
  public ExpectedWorker expect(WorkerSpec spec) {
    return expect(spec, CompletableFuture::completedFuture);
  }

  /** Lets a harness in under a new id, and asks {@code lossReport} when it is lost. */
  public ExpectedWorker expect(WorkerSpec spec, ExpectedWorker.LossReport lossReport) {
    WorkerIdentity identity = new WorkerIdentity(options.workerIds().get(), spec);
    WorkerSession session = new WorkerSession(identity, lossReport, shared);
    directory.add(session);
    return session;
  }

  /** Returns what has been dropped or refused so far. */
  public FnCounts counts() {
    return counters.snapshot();
  }

  /** Fails what has missed its deadline by the options' clock. */
  void sweep() {
    for (WorkerSession session : directory.all()) {
      try {
        session.sweep();
      } catch (RuntimeException e) {
        log.error("deadline check failed, {}", session, e);
      }
    }
  }

  private static WorkerIdentity identity() {
    return WorkerDirectory.caller().identity();
  }

  /** Lets all harnesses go and ends; waits a few seconds at most. */
  @Override
  public void close() {
    sweeper.shutdownNow();
    for (WorkerSession session : List.copyOf(directory.all())) {
      session.release("the runner is closing");
    }
    server.shutdown();
    try {
      if (!server.awaitTermination(1, TimeUnit.SECONDS)) {
        server.shutdownNow();
        server.awaitTermination(5, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    shutdownExecutors();
  }

  private void shutdownExecutors() {
    sweeper.shutdownNow();
    callExecutor.shutdown();
    dataExecutor.shutdown();
    stateExecutor.shutdown();
  }

  /** Harnesses wait for state, so its requests are taken where they arrive. */
  private static final class StateCallsWhereTheyArrive implements ServerCallExecutorSupplier {
    @Override
    public <ReqT, RespT> @Nullable Executor getExecutor(
        ServerCall<ReqT, RespT> call, Metadata metadata) {
      String service = call.getMethodDescriptor().getServiceName();
      return BeamFnStateGrpc.SERVICE_NAME.equals(service) ? Runnable::run : null;
    }
  }

  private static ThreadFactory named(String prefix) {
    AtomicInteger number = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, prefix + number.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }
}
