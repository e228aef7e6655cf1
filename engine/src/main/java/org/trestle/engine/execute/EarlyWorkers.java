package org.trestle.engine.execute;

import com.google.protobuf.Struct;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.proto.Urns;

/** Starts workers before their jobs, no more than there is room for. Safe for several threads. */
final class EarlyWorkers {
  /** How many workers may wait for jobs that have not been started. */
  static final int MOST = 32;

  private final Semaphore places = new Semaphore(MOST);
  private final WorkerFactory workers;

  EarlyWorkers(WorkerFactory workers) {
    this.workers = workers;
  }

  /**
   * Asks the user's own pools for workers, where these need no artifacts. The pipeline need not be
   * one that can run.
   *
   * @return by environment, for {@link #keep}, and {@link #taken} or {@link #stop}
   */
  Map<String, EarlyWorker> start(String jobId, Components components, Struct options) {
    Map<String, EarlyWorker> started = new ConcurrentHashMap<>();
    for (PTransform transform : components.getTransformsMap().values()) {
      String id = transform.getEnvironmentId();
      Environment environment = components.getEnvironmentsMap().get(id);
      if (environment != null
          && environment.getUrn().equals(Urns.Environments.EXTERNAL)
          && environment.getDependenciesCount() == 0
          && !started.containsKey(id)
          && places.tryAcquire()) {
        started.put(id, new EarlyWorker(jobId, id, environment, options, workers));
      }
    }
    return started;
  }

  /** Stops the workers of all other environments. */
  void keep(Map<String, EarlyWorker> started, Set<String> environments) {
    started
        .entrySet()
        .removeIf(
            entry -> {
              boolean unused = !environments.contains(entry.getKey());
              if (unused) {
                entry.getValue().stop();
                places.release();
              }
              return unused;
            });
  }

  /** Their job has them: others may be started. */
  void taken(Map<String, EarlyWorker> started) {
    places.release(started.size());
  }

  /** Stops workers whose job will not be started. */
  void stop(Map<String, EarlyWorker> started) {
    keep(started, Set.of());
  }
}
