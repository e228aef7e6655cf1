package org.trestle.expansion;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.sdk.expansion.service.ExpansionService;
import org.apache.beam.sdk.expansion.service.ExpansionServiceOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.PortablePipelineOptions;
import org.apache.beam.sdk.util.construction.Environments;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.netty.NettyServerBuilder;
import org.jspecify.annotations.Nullable;

/** A running expansion service: expansions and the jars they need, on one port. */
final class ExpansionServer implements AutoCloseable {
  /** Requests carry the part of the pipeline that leads to the transform. */
  private static final int LARGEST_REQUEST = 256 << 20;

  private static final int THREADS = Math.max(4, Runtime.getRuntime().availableProcessors());

  private final Server server;
  private final ExecutorService threads;

  private ExpansionServer(Server server, ExecutorService threads) {
    this.server = server;
    this.threads = threads;
  }

  /**
   * Starts a service for all transforms that the class loader finds.
   *
   * @param transforms class loader of the transforms and of Beam
   * @param jars what workers need for the transforms
   * @param classAllowList Beam's file of classes that may be looked up, {@code *} for all; null for
   *     none
   * @throws IOException if the address cannot be used
   */
  static ExpansionServer start(
      InetSocketAddress address,
      ClassLoader transforms,
      StagedJars jars,
      @Nullable String classAllowList)
      throws IOException {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS, threads(transforms));
    ExpansionService expander = new ExpansionService(options(classAllowList));
    Server server =
        NettyServerBuilder.forAddress(address)
            .executor(threads)
            .maxInboundMessageSize(LARGEST_REQUEST)
            .addService(new ExpansionEndpoint(expander, Offer.load(), jars))
            .addService(new ArtifactEndpoint(jars))
            .build();
    try {
      server.start();
    } catch (IOException e) {
      threads.shutdown();
      throw e;
    }
    return new ExpansionServer(server, threads);
  }

  /** Beam looks for transforms with the class loader of the calling thread. */
  private static ThreadFactory threads(ClassLoader transforms) {
    AtomicInteger count = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, "expansion-" + count.incrementAndGet());
      thread.setContextClassLoader(transforms);
      thread.setDaemon(true);
      return thread;
    };
  }

  private static ExpansionServiceOptions options(@Nullable String classAllowList) {
    PipelineOptionsFactory.register(ExpansionServiceOptions.class);
    ExpansionServiceOptions options = PipelineOptionsFactory.as(ExpansionServiceOptions.class);
    if (classAllowList != null) {
      options.setJavaClassLookupAllowlistFile(classAllowList);
    }
    // Read now, so that a wrong list is told at the start.
    options.getJavaClassLookupAllowlist();
    PortablePipelineOptions environment = options.as(PortablePipelineOptions.class);
    // The environment of the client is not one for Java.
    environment.setDefaultEnvironmentType(Environments.ENVIRONMENT_DOCKER);
    // Jars are named by the endpoint; Beam would look through the class path each time.
    environment.setFilesToStage(List.of("named-by-the-service"));
    return options;
  }

  /** The port, which is another one than asked for if that was 0. */
  int port() {
    return server.getPort();
  }

  /** Waits until the service is closed. */
  void awaitTermination() throws InterruptedException {
    server.awaitTermination();
  }

  /** Stops; calls under way get a second to end. */
  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(1, TimeUnit.SECONDS)) {
        server.shutdownNow();
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    threads.shutdown();
  }
}
