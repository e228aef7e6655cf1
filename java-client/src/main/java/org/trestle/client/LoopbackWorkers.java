package org.trestle.client;

import org.apache.beam.fn.harness.ExternalWorkerService;
import org.apache.beam.sdk.fn.server.GrpcFnServer;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.util.construction.Environments;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The worker pool of one job inside the submitting process. Harnesses are threads of it. */
final class LoopbackWorkers implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LoopbackWorkers.class);

  private final GrpcFnServer<ExternalWorkerService> server;

  private LoopbackWorkers(GrpcFnServer<ExternalWorkerService> server) {
    this.server = server;
  }

  /** Starts a pool on a free port; its workers run with these options. */
  static LoopbackWorkers start(PipelineOptions options) {
    try {
      return new LoopbackWorkers(new ExternalWorkerService(options).start());
    } catch (Exception e) {
      throw new IllegalStateException(
          "the " + Environments.ENVIRONMENT_LOOPBACK + " worker pool cannot start: " + e, e);
    }
  }

  String address() {
    return server.getApiServiceDescriptor().getUrl();
  }

  /** Stops taking requests for workers; those that run end when the service lets go of them. */
  @Override
  public void close() {
    try {
      server.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      LOG.warn("the worker pool at {} did not close", address(), e);
    }
  }
}
