package org.trestle.engine.execute;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.Residual;
import org.trestle.fn.control.RunningBundle;

/**
 * A bundle that has been started and has not ended. Owned by the job's loop, but for one flag and
 * the clock.
 */
final class RunningWork {
  /** What the bundle still has to do: less after a split. */
  BundleWork work;

  final long startNanos = System.nanoTime();
  final BundleClock clock = new BundleClock();
  WorkerPool.@Nullable Lease lease;
  @Nullable SdkBundle bundle;
  @Nullable RunningBundle handle;

  /** Read by the thread that runs the bundle. */
  volatile boolean givenUp;

  /** Completes when no other thread works on the bundle. */
  CompletableFuture<SdkBundle.Outcome> outcome = new CompletableFuture<>();

  /**
   * Rests of restrictions that the bundle works on, given back on request: they run when it has
   * ended. Until then its DoFn may use what there is once for each element, such as a connection.
   */
  List<Residual> continuations = List.of();

  /** Whether the harness was asked to split the bundle, and has not answered. */
  boolean splitting;

  /** Whether the harness was asked for the bundle's progress, and has not answered. */
  boolean askedForProgress;

  /** When it was asked last. */
  long progressAskedNanos;

  /** What waits for the answer to the split. */
  @Nullable Runnable afterSplit;

  RunningWork(BundleWork work) {
    this.work = work;
  }
}
