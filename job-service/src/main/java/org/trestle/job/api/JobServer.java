package org.trestle.job.api;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.execute.Engine;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.run.JobLimits;
import org.trestle.job.run.Jobs;
import org.trestle.job.store.StateDirectory;

/** A running job service: the gRPC server and all that stands behind it. */
public final class JobServer implements AutoCloseable {
  /** How long the last files of jobs may take once the engine is closed. */
  private static final Duration SETTLE = Duration.ofSeconds(2);

  private static final Logger logger = LoggerFactory.getLogger(JobServer.class);
  private static final int STREAM_THREADS = 4;

  /** Room for a pipeline that is too large to arrive whole and be refused in words. */
  private static final long HEADROOM = 64L << 20;

  private final Server server;
  private final Jobs jobs;
  private final Engine engine;
  private final ExecutorService streams;
  private final ScheduledExecutorService timer;
  private final Duration patience;

  private JobServer(
      Server server,
      Jobs jobs,
      Engine engine,
      ExecutorService streams,
      ScheduledExecutorService timer,
      Duration patience) {
    this.server = server;
    this.jobs = jobs;
    this.engine = engine;
    this.streams = streams;
    this.timer = timer;
    this.patience = patience;
  }

  /**
   * Starts to accept jobs. The engine belongs to the server from here on, whatever happens.
   *
   * @throws IOException if the address cannot be bound or the state directory not be read; nothing
   *     is left running
   */
  public static JobServer start(
      ServiceConfig config, StateDirectory state, Engine engine, Clock clock) throws IOException {
    ExecutorService streams = Executors.newFixedThreadPool(STREAM_THREADS, threads("events"));
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(threads("timer"));
    try {
      Jobs jobs = Jobs.open(engine, state, JobLimits.from(config), clock);
      String address =
          (isAnyAddress(config.host()) ? "localhost" : config.host()) + ":" + config.port();
      Server server =
          NettyServerBuilder.forAddress(new InetSocketAddress(config.host(), config.port()))
              .maxInboundMessageSize(
                  (int) Math.min(Integer.MAX_VALUE, config.maxPipelineSize().bytes() + HEADROOM))
              .permitKeepAliveTime(5, TimeUnit.SECONDS)
              .permitKeepAliveWithoutCalls(true)
              .intercept(new CallerAuthority())
              .addService(new JobEndpoint(jobs, streams, address))
              .addService(new StagingEndpoint(jobs, timer, config.stagingTimeout()))
              .addService(new LegacyStagingEndpoint())
              .addService(new AdminEndpoint(jobs, streams))
              .build()
              .start();
      var unused = timer.scheduleWithFixedDelay(jobs::forgetPreparations, 1, 1, TimeUnit.MINUTES);
      return new JobServer(server, jobs, engine, streams, timer, config.shutdownTimeout());
    } catch (IOException | RuntimeException e) {
      streams.shutdownNow();
      timer.shutdownNow();
      engine.close();
      throw e;
    }
  }

  private static boolean isAnyAddress(String host) {
    return host.equals("0.0.0.0") || host.equals("::");
  }

  private static ThreadFactory threads(String name) {
    AtomicInteger count = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, "trestle-" + name + "-" + count.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** The port jobs are accepted on. */
  public int port() {
    return server.getPort();
  }

  /** The jobs of the service. */
  public Jobs jobs() {
    return jobs;
  }

  /** Whether nothing has been prepared that could run, and nothing runs. */
  public boolean isIdle() {
    return jobs.isIdle();
  }

  /**
   * Has something done when the service has been idle for a while after a job.
   *
   * @param quiet how long it must not have had work; a job in the meantime begins this anew
   */
  public void whenIdle(Duration quiet, Runnable action) {
    AtomicInteger ends = new AtomicInteger();
    jobs.afterEach(
        () -> {
          int end = ends.incrementAndGet();
          var unused =
              timer.schedule(
                  () -> {
                    if (ends.get() == end && isIdle()) {
                      action.run();
                    }
                  },
                  quiet.toMillis(),
                  TimeUnit.MILLISECONDS);
        });
  }

  /** Waits until the service has stopped. */
  public void awaitTermination() throws InterruptedException {
    server.awaitTermination();
  }

  /** Stops: cancels the running jobs, lets their clients read the end, and lets go of all. */
  @Override
  public void close() {
    long running = jobs.running();
    if (running > 0) {
      logger.info("stopping; {} running jobs are cancelled", running);
    }
    jobs.stop(patience);
    server.shutdown();
    engine.close();
    jobs.awaitSettled(SETTLE);
    try {
      if (!server.awaitTermination(1, TimeUnit.SECONDS)) {
        server.shutdownNow();
        server.awaitTermination(1, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    timer.shutdownNow();
    streams.shutdownNow();
  }
}
