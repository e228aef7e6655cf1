package org.trestle.engine.core.schedule;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Finds work for slots that have none: bundles that have run for some time give up half of what
 * they have left, those with the most elements first, one for each idle slot. And ends bundles that
 * take long: what is not committed is lost with its worker.
 */
final class Rebalancing {
  private static final Comparator<InFlight> MOST_WORK_FIRST =
      Comparator.comparingLong((InFlight bundle) -> bundle.draft().elementCount())
          .reversed()
          .thenComparingLong(bundle -> bundle.id().value());

  private long nextLook = Long.MAX_VALUE;

  /** When to look again although no event comes; {@link Long#MAX_VALUE} for never. */
  long nextLook() {
    return nextLook;
  }

  /** Before pools are looked at again. */
  void begin() {
    nextLook = Long.MAX_VALUE;
  }

  /** The bundles that have run for so long that they should end and commit what they have done. */
  List<InFlight> overdue(Collection<InFlight> running, long now) {
    List<InFlight> overdue = new ArrayList<>();
    for (InFlight bundle : running) {
      if (bundle.endFrom() <= now) {
        overdue.add(bundle);
      } else {
        nextLook = Math.min(nextLook, bundle.endFrom());
      }
    }
    return overdue;
  }

  /**
   * The bundles to ask for half of their rest now.
   *
   * @param pool has nothing ready to run
   */
  List<InFlight> choose(Pool pool, Collection<InFlight> running, long now) {
    int idle = pool.slots() - pool.busy();
    List<InFlight> candidates = new ArrayList<>();
    for (InFlight bundle : running) {
      if (bundle.stage().pool() != pool) {
        continue;
      }
      if (bundle.isAsked()) {
        idle--;
      } else if (bundle.askFrom() <= now) {
        candidates.add(bundle);
      } else {
        nextLook = Math.min(nextLook, bundle.askFrom());
      }
    }
    candidates.sort(MOST_WORK_FIRST);
    return candidates.subList(0, Math.max(0, Math.min(idle, candidates.size())));
  }

  /** Whether a bundle of the pool has several elements, of which others could take some. */
  boolean hasMoreThanOne(Pool pool, Collection<InFlight> running) {
    for (InFlight bundle : running) {
      if (bundle.stage().pool() == pool
          && !bundle.isEnding()
          && !bundle.stage().spec().keyed()
          && bundle.draft().elementCount() > 1) {
        return true;
      }
    }
    return false;
  }
}
