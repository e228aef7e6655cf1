package org.trestle.engine.execute;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.trestle.fn.control.SdkWorker;

/**
 * The connected workers of a job by environment, for work of the runner's own threads that needs an
 * SDK besides the stages' bundles. Safe for use by several threads.
 */
final class LiveWorkers {
  private final Map<String, List<SdkWorker>> workers = new ConcurrentHashMap<>();

  void add(String environmentId, SdkWorker worker) {
    workers.computeIfAbsent(environmentId, id -> new CopyOnWriteArrayList<>()).add(worker);
    synchronized (this) {
      notifyAll();
    }
  }

  void remove(String environmentId, SdkWorker worker) {
    workers.getOrDefault(environmentId, List.of()).remove(worker);
  }

  /**
   * A worker of the environment; waits till there is one.
   *
   * @throws IllegalStateException if none connects in time, or the thread is interrupted
   */
  SdkWorker await(String environmentId, Duration deadline) {
    long end = System.nanoTime() + deadline.toNanos();
    synchronized (this) {
      while (workers.getOrDefault(environmentId, List.of()).isEmpty()) {
        long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        if (left <= 0) {
          break;
        }
        try {
          wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          break;
        }
      }
    }
    return any(environmentId);
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
