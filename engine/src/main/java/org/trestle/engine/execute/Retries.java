package org.trestle.engine.execute;

import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.schedule.SchedulingPolicy;

/**
 * Tells people what becomes of a bundle that has failed.
 *
 * @param stage the name of the bundle's stage
 * @param before attempts before the one that failed
 */
record Retries(SchedulingPolicy policy, String stage, Attempts before) {

  /** Whether the bundle's work is tried again. */
  boolean follow(BundleFailure failure) {
    return policy.allowsRetry(failure.cause(), before.and(failure.cause()));
  }

  /** For a bundle whose work is tried again. */
  String warning(BundleFailure failure) {
    Attempts tried = before.and(failure.cause());
    String what =
        failure.cause() == Cause.LOST_WORKER
            ? "lost its worker (worker " + of(tried.lostWorkers(), policy.maxLostWorkers())
            : "failed (attempt " + of(tried.failed(), policy.maxAttempts());
    return "bundle of stage %s %s), trying again: %s".formatted(stage, what, failure.message());
  }

  private static String of(int count, int limit) {
    return limit == SchedulingPolicy.NO_LIMIT ? "" + count : count + " of " + limit;
  }

  /** The failure that ends the job, with its reason. */
  BundleFailure last(BundleFailure failure) {
    if (failure.cause() != Cause.LOST_WORKER) {
      return failure;
    }
    String message =
        ("a bundle of stage %s has ended every worker it was on, %d one after another: it crashes"
                + " them, or needs more memory than they have; the last one: %s")
            .formatted(stage, before.lostWorkers() + 1, failure.message());
    return new BundleFailure(failure.id(), failure.cause(), message);
  }
}
