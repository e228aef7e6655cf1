package org.trestle.engine.execute;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.Struct;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.fn.environment.WorkerFactory.StartedWorker;

/**
 * A harness of a user's own worker pool, started when its job is prepared: it connects while the
 * client is still busy with its submission. Until the job takes it, it gets no work, and what it
 * logs is kept. Safe for use by several threads.
 */
final class EarlyWorker {
  private static final int KEPT_LOG_ENTRIES = 1000;

  private record Logged(String workerId, LogEntry entry) {}

  private final CompletableFuture<StartedWorker> started;

  @GuardedBy("this")
  private final List<Logged> kept = new ArrayList<>();

  @GuardedBy("this")
  private @Nullable WorkerSpec job;

  /** Asks for a worker of an environment that needs no artifact. */
  EarlyWorker(
      String jobId,
      String environmentId,
      Environment environment,
      Struct options,
      WorkerFactory workers) {
    WorkerSpec spec =
        new WorkerSpec(
            jobId,
            environmentId,
            options,
            List.of(),
            EarlyWorker::noArtifact,
            this::descriptor,
            this::log);
    // The caller answers a client, which has to do meanwhile.
    started =
        CompletableFuture.completedFuture(spec)
            .thenComposeAsync(given -> workers.start(environment, given));
  }

  private static InputStream noArtifact(ArtifactInformation artifact) throws IOException {
    throw new IOException("the environment has no artifacts");
  }

  /** Gives the worker to its job, whose descriptors and log it uses from here on. */
  CompletableFuture<StartedWorker> take(WorkerSpec spec) {
    synchronized (this) {
      job = spec;
      kept.forEach(logged -> spec.logs().log(logged.workerId(), logged.entry()));
      kept.clear();
    }
    return started;
  }

  /** Stops the worker, as soon as it has started. */
  void stop() {
    var unused = started.thenAccept(StartedWorker::stop);
  }

  private @Nullable ProcessBundleDescriptor descriptor(String id) {
    Function<String, @Nullable ProcessBundleDescriptor> descriptors;
    synchronized (this) {
      if (job == null) {
        return null;
      }
      descriptors = job.descriptors();
    }
    return descriptors.apply(id);
  }

  private synchronized void log(String workerId, LogEntry entry) {
    if (job != null) {
      job.logs().log(workerId, entry);
    } else if (kept.size() < KEPT_LOG_ENTRIES) {
      kept.add(new Logged(workerId, entry));
    }
  }
}
