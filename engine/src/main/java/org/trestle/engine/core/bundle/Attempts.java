package org.trestle.engine.core.bundle;

/**
 * How often work was tried before, without success.
 *
 * @param failed attempts that failed by themselves
 * @param lostWorkers attempts whose worker was lost
 */
public record Attempts(int failed, int lostWorkers) {
  /** Of work that was never tried. */
  public static final Attempts NONE = new Attempts(0, 0);

  /** One more than these. */
  public Attempts and(BundleFailure.Cause cause) {
    return cause == BundleFailure.Cause.LOST_WORKER
        ? new Attempts(failed, lostWorkers + 1)
        : new Attempts(failed + 1, lostWorkers);
  }

  /** How many. */
  public int count() {
    return failed + lostWorkers;
  }
}
