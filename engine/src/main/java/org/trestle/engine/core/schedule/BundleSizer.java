package org.trestle.engine.core.schedule;

/**
 * Decides how much work goes into one bundle. Knows figures only, so that it can be tuned alone.
 *
 * <p>A bundle costs something, whatever is in it: Python's harness, for one, waits up to 0.2
 * seconds for its sampler at its end. So where full bundles are done soon, the next ones get more.
 */
final class BundleSizer {
  /** How many times the policy's largest size bundles may have. */
  private static final int MOST_GROWTH = 8;

  /** A last bundle gets so much less than the one before it. */
  private static final int REST = 8;

  /** Work of less than so many times the policy's smallest bundle is not worth a second bundle. */
  private static final int FEWEST_TO_PART = 80;

  /**
   * The first closing bundles of all slots get so much less than their share, the next ones half as
   * much less: the stages after them wait for what the first ones give.
   */
  private static final int FIRST_CLOSING = 8;

  private final SchedulingPolicy policy;
  private final int mostElements;
  private int growth = 1;
  private long closings;

  /** Sizes bundles of stages that keep no changes of state till their commit. */
  BundleSizer(SchedulingPolicy policy) {
    this(policy, policy.maxElements());
  }

  private BundleSizer(SchedulingPolicy policy, int mostElements) {
    this.policy = policy;
    this.mostElements = mostElements;
  }

  /** Sizes bundles of stages with state. */
  static BundleSizer ofStateful(SchedulingPolicy policy) {
    return new BundleSizer(policy, Math.min(policy.maxElements(), policy.maxStatefulElements()));
  }

  /**
   * A bundle has been committed. Full ones that took less than half of the time after which they
   * would have been asked to end make larger ones; those that took longer make smaller ones again.
   *
   * @param millis how long it ran
   */
  void took(long elements, long bytes, long millis) {
    boolean full = elements >= maxElements() || bytes >= maxBytes() - maxBytes() / 8;
    if (full && millis < policy.commitAfterMillis() / 2 && !policy.streaming()) {
      growth = Math.min(MOST_GROWTH, growth * 2);
    } else if (millis > policy.commitAfterMillis()) {
      growth = Math.max(1, growth / 2);
    }
  }

  long maxElements() {
    return (long) mostElements * growth;
  }

  /**
   * How many elements the next bundle should take: an equal share of what is pending for each slot
   * of the pool, several times over, so the shares get smaller towards the end and slots finish at
   * about the same time.
   *
   * @param minimum the fewest worth a bundle of their own
   */
  long share(long pending, long minimum, int slots) {
    if (slots <= 1) {
      return Math.min(maxElements(), pending - rest(pending, pending));
    }
    long share = ceilDiv(pending, (long) slots * policy.bundlesPerSlot());
    return Math.min(maxElements(), Math.max(minimum, share));
  }

  /**
   * Of parts of work that one bundle could take, those that are left for a last and small one.
   * While a bundle ends, its slot is lent, but for the last one of a stage all wait; and the longer
   * it ran, the longer it takes to end.
   *
   * @param parts that can go alone
   * @param elements in all parts
   */
  private long rest(long parts, long elements) {
    boolean many = elements >= (long) FEWEST_TO_PART * policy.minElements();
    return many && !policy.streaming() ? parts / REST : 0;
  }

  /** The share of elements of which nothing is known but their size. */
  long elements(long pendingElements, long pendingBytes, int slots) {
    if (pendingElements == 0) {
      return 1;
    }
    // Of large elements, fewer are worth a bundle.
    long bytesEach = Math.max(1, pendingBytes / pendingElements);
    long minimum = Math.min(policy.minElements(), ceilDiv(policy.minBytes(), bytesEach));
    return share(pendingElements, minimum, slots);
  }

  /** The share of timers. */
  long timers(long pending, int slots) {
    return share(pending, policy.minElements(), slots);
  }

  /**
   * The share of residuals: each was worth giving back, so each is worth a bundle.
   *
   * @param together how many elements were given back in one piece
   */
  long residuals(long pending, int together, int slots) {
    return share(pending, Math.min(together, policy.minElements()), slots);
  }

  long maxBytes() {
    return policy.maxBytes() * growth;
  }

  /**
   * Whether so much work is worth a bundle although more will come. In streaming all of it is: what
   * waits is late already, and sources that always have more would else go before it for ever.
   */
  boolean isWorthwhile(long elements, long bytes) {
    return isManyOrLarge(elements, bytes) || (policy.streaming() && elements > 0);
  }

  private boolean isManyOrLarge(long elements, long bytes) {
    return elements >= policy.minElements() || bytes >= policy.minBytes();
  }

  /**
   * How many key groups the next closing bundle should take; each call counts as one.
   *
   * @param remaining key groups still to be closed
   * @param elements how many elements these have got
   * @param bytes how many bytes these have got
   */
  int closingGroups(int remaining, long elements, long bytes, int slots) {
    long largest =
        Math.max(ceilDiv(elements, policy.maxElements()), ceilDiv(bytes, policy.maxBytes()));
    long bundles = largest;
    if (slots > 1 && isManyOrLarge(elements, bytes)) {
      long small = Math.max(elements / policy.minElements(), bytes / policy.minBytes());
      long early = Math.max(1, FIRST_CLOSING >> Math.min(closings++ / slots, Integer.SIZE - 1));
      bundles = Math.max(bundles, Math.min(small, early * slots * policy.bundlesPerSlot()));
    }
    if (bundles <= 1 && slots <= 1) {
      return (int) (remaining - rest(remaining, elements));
    }
    return (int) Math.max(1, ceilDiv(remaining, Math.max(1, bundles)));
  }

  private static long ceilDiv(long dividend, long divisor) {
    return (dividend + divisor - 1) / divisor;
  }
}
