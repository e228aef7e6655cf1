package org.trestle.engine.core.scale;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Decides the size of one pool, look by look ({@value #LOOKS_PER_SECOND} a second).
 *
 * <p>A pool grows when all its slots have been in use for some looks, more work waits, and the
 * machine has processors to spare. Workers that do not use the processors they could have wait for
 * something else: then more bundles at once are what helps. Otherwise more workers do. Both as far
 * as the memory goes. It shrinks again when the machine is full, or when slots have been empty for
 * longer.
 */
public final class PoolScaler {
  /** How often a pool is looked at. */
  public static final int LOOKS_PER_SECOND = 4;

  /**
   * Looks at full slots of workers that mostly wait, in a row, before more bundles run. Fewer would
   * be misled by a bundle that ends: Python's harness sleeps for up to 0.2 seconds then, and is
   * slower by half with two bundles at once if it has to compute.
   */
  private static final int LOOKS_TO_WIDEN = 3;

  /** Looks at full slots before workers are added, which are dear to start. */
  private static final int LOOKS_TO_GROW = 2 * LOOKS_PER_SECOND;

  /** Looks at a full machine before fewer bundles run at once. */
  private static final int LOOKS_TO_CALM = 3 * LOOKS_PER_SECOND;

  private static final int SECONDS_TO_LEAVE = 30;

  /** Looks at empty slots before a worker leaves: starting it again is dear. */
  private static final int LOOKS_TO_LEAVE = SECONDS_TO_LEAVE * LOOKS_PER_SECOND;

  /** A share of a worker's processors below which it mostly waits for something else. */
  private static final double WAITING_SHARE = 0.5;

  /** A share of idle processors at which unknown workers may run more bundles at once. */
  private static final double SPARE_SHARE = 0.25;

  /** A share of idle processors at which the machine is full. */
  private static final double FULL_SHARE = 0.05;

  /** As much of a processor must be idle for one more worker. */
  private static final double SPARE_CORE = 0.5;

  private static final long MIN_FREE_BYTES = 256L << 20;

  private PoolLimits limits;
  private int workers;
  private int bundles;
  private int looksFull;
  private int looksWaiting;
  private int looksCrowded;
  private int looksEmpty;

  /**
   * A pool at its first size.
   *
   * @param workers how many are started at first
   */
  public PoolScaler(PoolLimits limits, int workers) {
    this.limits = limits;
    this.workers = workers;
    this.bundles = limits.bundles();
  }

  /**
   * Looks at the pool.
   *
   * @param busy how many of its slots are in use
   * @param waiting whether there is work that more slots could take
   * @return the pool's new size; null if it stays as it is
   */
  public @Nullable PoolSize look(PoolLoad load, int busy, boolean waiting) {
    boolean full =
        waiting && load.workers() > 0 && load.starting() == 0 && busy >= load.workers() * bundles;
    looksFull = full ? looksFull + 1 : 0;
    String waits = full ? whyMostlyWaiting(load) : null;
    looksWaiting = waits != null ? looksWaiting + 1 : 0;
    looksCrowded = isCrowded(load) && bundles > limits.bundles() && busy > 0 ? looksCrowded + 1 : 0;
    looksEmpty = !waiting && busy <= fewerSlots() ? looksEmpty + 1 : 0;
    if (full) {
      return grow(load, waits);
    }
    if (looksCrowded >= LOOKS_TO_CALM) {
      return size(workers, Math.max(limits.bundles(), bundles / 2), "the processors are all busy");
    }
    if (looksEmpty >= LOOKS_TO_LEAVE && workers > limits.minWorkers()) {
      return size(
          workers - 1,
          bundles,
          "only %d bundles ran at once for %d s".formatted(busy, SECONDS_TO_LEAVE));
    }
    return null;
  }

  /** How many slots there are with one worker less. */
  private int fewerSlots() {
    return (workers - 1) * bundles;
  }

  /**
   * More of what helps.
   *
   * @param waits why the workers seem to wait; null if they do not
   */
  private @Nullable PoolSize grow(PoolLoad load, @Nullable String waits) {
    String all =
        "all %d slots are in use and more work waits, while ".formatted(load.workers() * bundles);
    if (waits != null) {
      // Each bundle holds what it has changed till its commit.
      return looksWaiting >= LOOKS_TO_WIDEN
              && bundles < limits.maxBundles()
              && !load.dataMemoryFull()
          ? size(workers, Math.min(limits.maxBundles(), bundles * 2), all + waits)
          : null;
    }
    if (looksFull >= LOOKS_TO_GROW
        && workers < limits.maxWorkers()
        && load.idleCores() >= SPARE_CORE
        && hasMemory(load)) {
      int more = Math.max(1, (int) load.idleCores());
      return size(Math.min(limits.maxWorkers(), workers + more), bundles, all + idle(load));
    }
    return null;
  }

  /** Whether more bundles run than the processors can do with. */
  private boolean isCrowded(PoolLoad load) {
    return load.idleCores() < FULL_SHARE * load.cores()
        && (load.wantedCores().isEmpty() || load.wantedCores().getAsDouble() > available(load));
  }

  /** How many processors the workers can make use of. */
  private double available(PoolLoad load) {
    return Math.min(load.cores(), (double) load.workers() * limits.bundles());
  }

  /** Why the workers seem to wait for something else than processors; null if they do not. */
  private @Nullable String whyMostlyWaiting(PoolLoad load) {
    if (load.wantedCores().isPresent()) {
      double wanted = load.wantedCores().getAsDouble();
      return wanted < WAITING_SHARE * available(load)
          ? String.format(Locale.ROOT, "the workers want no more than %.1f processors", wanted)
          : null;
    }
    // Nothing is known of the workers themselves.
    return load.idleCores() >= SPARE_SHARE * load.cores() && workers == limits.maxWorkers()
        ? idle(load)
        : null;
  }

  private static String idle(PoolLoad load) {
    return String.format(
        Locale.ROOT, "%.1f of %d processors are idle", load.idleCores(), load.cores());
  }

  private static boolean hasMemory(PoolLoad load) {
    return load.freeBytes() > MIN_FREE_BYTES + load.workerBytes() * 5 / 4;
  }

  /**
   * Sets other limits.
   *
   * @return the pool's new size; null if it stays as it is
   */
  public @Nullable PoolSize limit(PoolLimits other) {
    limits = other;
    int allowed = Math.min(other.maxWorkers(), Math.max(other.minWorkers(), workers));
    int fitting = Math.min(other.maxBundles(), Math.max(other.bundles(), bundles));
    return allowed == workers && fitting == bundles
        ? null
        : size(
            allowed,
            fitting,
            "between %d and %d workers are asked for"
                .formatted(other.minWorkers(), other.maxWorkers()));
  }

  /** What the pool may become. */
  public PoolLimits limits() {
    return limits;
  }

  private PoolSize size(int newWorkers, int newBundles, String reason) {
    workers = newWorkers;
    bundles = newBundles;
    looksFull = 0;
    looksWaiting = 0;
    looksCrowded = 0;
    looksEmpty = 0;
    return new PoolSize(newWorkers, newBundles, reason);
  }
}
