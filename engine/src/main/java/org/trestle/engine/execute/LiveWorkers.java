package org.trestle.engine.execute;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.trestle.fn.control.SdkWorker;

/**
 * The connected workers of a job by environment, for work of the runner's own threads that needs an
 * SDK besides the stages' bundles. Safe for use by several threads.
 */
final class LiveWorkers {
  private final Map<String, List<SdkWorker>> workers = new ConcurrentHashMap<>();

  void add(String environmentId, SdkWorker worker) {
    workers.computeIfAbsent(environmentId, id -> new CopyOnWriteArrayList<>()).add(worker);
  }

  void remove(String environmentId, SdkWorker worker) {
    workers.getOrDefault(environmentId, List.of()).remove(worker);
  }

  /**
   * A worker of the environment.
   *
   * @throws IllegalStateException if none is connected
   */
  SdkWorker any(String environmentId) {
    for (SdkWorker worker : workers.getOrDefault(environmentId, List.of())) {
      return worker;
    }
    throw new IllegalStateException(
        "no worker of environment " + environmentId + " is connected now");
  }
}
