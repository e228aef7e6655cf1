package org.trestle.fn.state;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.concurrent.Executor;

/**
 * Runs tasks one at a time, in order, on a shared executor.
 *
 * <p>The queue is bounded by whoever adds: a state stream has a fixed number of requests under way.
 */
public final class SerialTasks {
  private final Executor executor;

  @GuardedBy("queue")
  private final ArrayDeque<Runnable> queue = new ArrayDeque<>();

  @GuardedBy("queue")
  private boolean running;

  public SerialTasks(Executor executor) {
    this.executor = executor;
  }

  /**
   * Adds a task, which must not throw.
   *
   * @param atOnce whether it runs on the calling thread if no other task is under way
   * @throws java.util.concurrent.RejectedExecutionException if the executor has been shut down
   */
  public void add(Runnable task, boolean atOnce) {
    synchronized (queue) {
      queue.add(task);
      if (running) {
        return;
      }
      running = true;
    }
    if (atOnce) {
      runOne();
    } else {
      executor.execute(this::runOne);
    }
  }

  private void runOne() {
    Runnable task;
    synchronized (queue) {
      task = queue.remove();
    }
    try {
      task.run();
    } finally {
      boolean more;
      synchronized (queue) {
        more = !queue.isEmpty();
        running = more;
      }
      if (more) {
        executor.execute(this::runOne);
      }
    }
  }
}
