package org.trestle.fn.environment;

import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;

/** Starts harnesses for Beam environments. Safe for use by several threads. */
public interface WorkerFactory extends AutoCloseable {

  /**
   * Returns the environment that a worker of {@code environment} would really run in: {@code anyof}
   * resolved to its first alternative that works here, {@code default} to what it stands for. May
   * wait some seconds for what runs it.
   *
   * @throws UnsupportedEnvironmentException if there is none; the message says why for each
   */
  Environment resolve(Environment environment);

  /**
   * Starts a harness and waits for its control stream without blocking the caller.
   *
   * @return the worker once it has connected; exceptionally with {@link WorkerStartException} when
   *     it could not be started or did not connect before the configured deadline
   */
  CompletableFuture<StartedWorker> start(Environment environment, WorkerSpec spec);

  @Override
  void close();

  /** A worker and the way to stop it. */
  interface StartedWorker {
    SdkWorker worker();

    /** Stops the harness; idempotent, returns at once, forces after a grace period. */
    void stop();
  }
}
