package org.trestle.fn.environment;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets only so many starts be under way at once: a process that starts wants a processor all the
 * time, and many together would all miss their deadlines. Safe for use by several threads.
 *
 * <p>A start that takes longer than the patience is not waited for, so that processes which never
 * connect do not keep others from starting.
 */
final class StartQueue {
  private final int most;
  private final Duration patience;

  @GuardedBy("this")
  private final Queue<Runnable> waiting = new ArrayDeque<>();

  @GuardedBy("this")
  private int underWay;

  /** Whether a thread is about to begin what waits; it sees what changes meanwhile. */
  @GuardedBy("this")
  private boolean beginning;

  /**
   * @param most how many starts may be under way
   * @param patience how long a start counts as under way
   */
  StartQueue(int most, Duration patience) {
    this.most = most;
    this.patience = patience;
  }

  /**
   * Begins something now, or when others that have begun before are done.
   *
   * @param start is called once, on the caller's thread or on one on which another start ends
   * @return completes as what was begun
   */
  <T> CompletableFuture<T> begin(Supplier<CompletableFuture<T>> start) {
    CompletableFuture<T> result = new CompletableFuture<>();
    synchronized (this) {
      waiting.add(() -> run(start, result));
    }
    next();
    return result;
  }

  private <T> void run(Supplier<CompletableFuture<T>> start, CompletableFuture<T> result) {
    CompletableFuture<T> begun;
    try {
      begun = start.get();
    } catch (RuntimeException failure) {
      begun = CompletableFuture.failedFuture(failure);
    }
    var unused =
        begun
            .handle(
                (value, failure) ->
                    failure == null
                        ? result.complete(value)
                        : result.completeExceptionally(failure))
            .copy() // The time-out ends only the wait, and what was begun still completes.
            .completeOnTimeout(true, patience.toNanos(), TimeUnit.NANOSECONDS)
            .thenRun(this::ended);
  }

  private void ended() {
    synchronized (this) {
      underWay--;
    }
    next();
  }

  private void next() {
    synchronized (this) {
      if (beginning) {
        return;
      }
      beginning = true;
    }
    for (Runnable first = take(); first != null; first = take()) {
      first.run();
    }
  }

  private synchronized @Nullable Runnable take() {
    if (underWay >= most || waiting.isEmpty()) {
      beginning = false;
      return null;
    }
    underWay++;
    return waiting.remove();
  }
}
