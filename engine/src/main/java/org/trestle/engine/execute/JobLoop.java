package org.trestle.engine.execute;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that owns a job: tasks run on it one after the other, in the order they came.
 *
 * <p>A task that throws goes to the failure handler, on the loop. Tasks given after {@link #stop}
 * are dropped. The queue holds one task for each event of a running bundle or worker, which the
 * slots of the job's pools bound.
 */
final class JobLoop implements Executor {
  private static final Logger log = LoggerFactory.getLogger(JobLoop.class);

  /** Handles an exception or error of a task. */
  interface FailureHandler {
    void failed(Throwable failure);
  }

  private final ScheduledThreadPoolExecutor executor;
  private final FailureHandler failures;
  private volatile Thread owner = Thread.currentThread();

  JobLoop(String jobId, FailureHandler failures) {
    this.failures = failures;
    this.executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "job-" + jobId);
              thread.setDaemon(true);
              owner = thread;
              return thread;
            });
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  @Override
  public void execute(Runnable task) {
    schedule(task, 0);
  }

  /** Runs a task on the loop after a delay. */
  void schedule(Runnable task, long delayMillis) {
    try {
      if (delayMillis <= 0) {
        executor.execute(() -> run(task));
      } else {
        // The task hands its own failures on, so nothing waits for the future.
        var unused = executor.schedule(() -> run(task), delayMillis, TimeUnit.MILLISECONDS);
      }
    } catch (RejectedExecutionException stopped) {
      log.debug("dropped an event of a job that has ended");
    }
  }

  private void run(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error failure) {
      failures.failed(failure);
    }
  }

  /** Throws unless called on the loop. */
  void assertOwner() {
    if (Thread.currentThread() != owner) {
      throw new IllegalStateException(
          "called on " + Thread.currentThread().getName() + " instead of the job's loop");
    }
  }

  /** Ends the loop after the current task; later tasks are dropped. */
  void stop() {
    executor.shutdown();
  }
}
