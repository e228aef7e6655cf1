package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleFailure;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.schedule.SchedulingPolicy;

class RetriesTest {
  private static BundleFailure failure(Cause cause) {
    return new BundleFailure(new BundleId(1), cause, "gone");
  }

  private static Retries batch(int failed, int lostWorkers) {
    return new Retries(SchedulingPolicy.BATCH, "s", new Attempts(failed, lostWorkers));
  }

  private static Retries streaming(int failed, int lostWorkers) {
    return new Retries(SchedulingPolicy.STREAMING, "s", new Attempts(failed, lostWorkers));
  }

  @Test
  void attemptsAndLostWorkersAreCountedApart() {
    assertThat(batch(2, 6).warning(failure(Cause.WORK)))
        .isEqualTo("bundle of stage s failed (attempt 3 of 4), trying again: gone");
    assertThat(batch(2, 6).warning(failure(Cause.LOST_WORKER)))
        .isEqualTo("bundle of stage s lost its worker (worker 7 of 8), trying again: gone");
    assertThat(batch(2, 6).follow(failure(Cause.WORK))).isTrue();
    assertThat(batch(3, 6).follow(failure(Cause.WORK))).isFalse();
    assertThat(batch(2, 6).follow(failure(Cause.LOST_WORKER))).isTrue();
    assertThat(batch(2, 7).follow(failure(Cause.LOST_WORKER))).isFalse();
    assertThat(batch(0, 0).follow(failure(Cause.RUNNER))).isFalse();
  }

  @Test
  void streamingJobsTryWithoutEnd() {
    assertThat(streaming(1000, 1000).follow(failure(Cause.WORK))).isTrue();
    assertThat(streaming(1000, 1000).follow(failure(Cause.LOST_WORKER))).isTrue();
    assertThat(streaming(1000, 1000).follow(failure(Cause.RUNNER))).isFalse();
    assertThat(streaming(9, 0).warning(failure(Cause.WORK)))
        .isEqualTo("bundle of stage s failed (attempt 10), trying again: gone");
  }

  @Test
  void lastFailureSaysThatTheWorkEndsItsWorkers() {
    assertThat(batch(0, 7).last(failure(Cause.LOST_WORKER)).message())
        .isEqualTo(
            "a bundle of stage s has ended every worker it was on, 8 one after another: it crashes"
                + " them, or needs more memory than they have; the last one: gone");
    assertThat(batch(3, 7).last(failure(Cause.WORK))).isEqualTo(failure(Cause.WORK));
  }
}
