package org.trestle.fn.environment;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.server.ExpectedWorker;
import org.trestle.fn.server.FnServer;

/**
 * Starts the harnesses of Beam environments and joins them with the server they connect to.
 *
 * <p>One thread, {@code fn-environment}, watches deadlines. Each harness process has a thread that
 * reads its output; calls to worker pools and to the Docker engine are asynchronous.
 */
public final class EnvironmentWorkers implements WorkerFactory {
  /** How many processes and containers are being started at once, for each processor. */
  private static final int STARTS_PER_PROCESSOR = 3;

  /** How long one that starts, or waits for its image, keeps others from doing so. */
  private static final Duration START_PATIENCE = Duration.ofSeconds(30);

  private final FnServer server;
  private final EnvironmentOptions options;
  private final Optional<JavaHarness> javaHarness;
  private final DockerEngine containers;
  private final EnvironmentResolver resolver;
  private final ScheduledThreadPoolExecutor timer;
  private final StartQueue starts =
      new StartQueue(
          STARTS_PER_PROCESSOR * Runtime.getRuntime().availableProcessors(), START_PATIENCE);
  private final Set<Started> started = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * Makes a factory, and removes containers that an earlier run of the service left.
   *
   * @param server where the harnesses connect; not closed by this factory
   * @param javaHarness does the work of Java containers where these cannot run
   */
  public EnvironmentWorkers(
      FnServer server,
      EnvironmentOptions options,
      DockerOptions docker,
      Optional<JavaHarness> javaHarness) {
    this.server = server;
    this.options = options;
    this.javaHarness = javaHarness;
    containers = new DockerEngine(docker);
    resolver = new EnvironmentResolver(containers);
    timer =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "fn-environment");
              thread.setDaemon(true);
              return thread;
            });
    timer.setRemoveOnCancelPolicy(true);
    containers.recover();
  }

  /** The outside part of a worker: what runs the harness. */
  interface Host {
    /** Completes when the harness has been asked to run; exceptionally if it cannot. */
    CompletableFuture<Void> started();

    /** Completes with a clause that says how the harness ended, if the host can see that. */
    CompletableFuture<String> ended();

    /** Explains the end of the harness's connection. */
    CompletableFuture<String> explain(String how);

    /** Stops the harness, by force if need be; idempotent; completes when that is over. */
    CompletableFuture<Void> stop();
  }

  @Override
  public Environment resolve(Environment environment) {
    try {
      return resolver.resolve(environment);
    } catch (UnsupportedEnvironmentException e) {
      return resolver.resolve(
          javaHarness.flatMap(harness -> harness.instead(environment)).orElseThrow(() -> e));
    }
  }

  @Override
  public CompletableFuture<StartedWorker> start(Environment environment, WorkerSpec spec) {
    // A pool of the user's has processes already.
    return environment.getUrn().equals(EnvironmentResolver.EXTERNAL)
        ? startNow(environment, spec)
        : starts.begin(() -> startNow(environment, spec));
  }

  private CompletableFuture<StartedWorker> startNow(Environment environment, WorkerSpec spec) {
    Started worker;
    try {
      // An image is waited for on the way, without blocking the caller.
      boolean container = environment.getUrn().equals(EnvironmentResolver.DOCKER);
      worker = launch(container ? environment : resolve(environment), spec);
    } catch (UnsupportedEnvironmentException e) {
      return CompletableFuture.failedFuture(new WorkerStartException(messageOf(e)));
    } catch (RejectedExecutionException e) {
      return CompletableFuture.failedFuture(new WorkerStartException("runner is closing"));
    }
    started.add(worker);
    if (closed.get()) {
      worker.stop();
    }
    return worker.ready();
  }

  private Started launch(Environment environment, WorkerSpec spec) {
    CompletableFuture<Host> host = new CompletableFuture<>();
    ExpectedWorker expected =
        server.expect(spec, how -> host.thenCompose(known -> known.explain(how)));
    Started worker;
    try {
      worker = new Started(expected, host(environment, expected.workerId(), spec));
    } catch (RuntimeException e) {
      expected.cancel();
      throw e;
    }
    host.complete(worker.host);
    return worker;
  }

  private Host host(Environment environment, String workerId, WorkerSpec spec) {
    if (environment.getUrn().equals(EnvironmentResolver.EXTERNAL)) {
      return new PoolWorker(
          EnvironmentResolver.external(environment), workerId, server.endpoint(), options);
    }
    if (environment.getUrn().equals(EnvironmentResolver.DOCKER)) {
      return new DockerWorker(environment, workerId, server.endpoint(), spec, containers, options);
    }
    return new ProcessWorker(
        EnvironmentResolver.process(environment),
        workerId,
        server.endpoint(),
        spec.logs(),
        options,
        timer);
  }

  /** Stops all workers and waits for their end, a little longer than the grace period at most. */
  @Override
  public void close() {
    closed.set(true);
    List<CompletableFuture<Void>> ends = started.stream().map(Started::end).toList();
    try {
      CompletableFuture.allOf(ends.toArray(CompletableFuture<?>[]::new))
          .get(options.exitGrace().toMillis() + 2000, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      // Each end has its own deadline and reports its own failure.
    }
    timer.shutdownNow();
    containers.close();
  }

  private final class Started implements StartedWorker {
    private final ExpectedWorker expected;
    private final Host host;

    Started(ExpectedWorker expected, Host host) {
      this.expected = expected;
      this.host = host;
    }

    @Override
    public SdkWorker worker() {
      return expected.connected().join();
    }

    @Override
    public void stop() {
      var unused = end();
    }

    CompletableFuture<Void> end() {
      started.remove(this);
      expected.cancel();
      return host.stop();
    }

    /** Completes when the harness has connected, or fails in time. */
    CompletableFuture<StartedWorker> ready() {
      CompletableFuture<StartedWorker> ready = new CompletableFuture<>();
      var started =
          host.started()
              .whenComplete(
                  (unused, failure) -> {
                    if (failure != null) {
                      fail(ready, messageOf(failure));
                    } else {
                      limit(ready);
                    }
                  });
      var ended =
          host.ended()
              .thenAccept(
                  how -> {
                    fail(ready, host + " did not connect: " + how);
                    expected.release(how);
                  });
      var connected =
          expected
              .connected()
              .whenComplete(
                  (worker, failure) -> {
                    if (failure != null) {
                      fail(ready, host + " did not connect: " + messageOf(failure));
                    } else {
                      ready.complete(this);
                    }
                  });
      assert started != null && ended != null && connected != null;
      return ready;
    }

    /** From here on only the harness itself is waited for. */
    private void limit(CompletableFuture<StartedWorker> ready) {
      Duration limit = options.connectTimeout();
      try {
        var deadline =
            timer.schedule(
                () ->
                    fail(
                        ready,
                        host
                            + " did not connect to "
                            + server.endpoint().getUrl()
                            + " within "
                            + limit.toSeconds()
                            + " s"),
                limit.toMillis(),
                TimeUnit.MILLISECONDS);
        var settled = ready.whenComplete((worker, failure) -> deadline.cancel(false));
        assert settled != null;
      } catch (RejectedExecutionException e) {
        fail(ready, "runner is closing");
      }
    }

    private void fail(CompletableFuture<StartedWorker> ready, String message) {
      if (ready.completeExceptionally(new WorkerStartException(message))) {
        stop();
      }
    }
  }

  static String messageOf(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    String message = cause.getMessage();
    return message == null ? cause.toString() : message;
  }
}
