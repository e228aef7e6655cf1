package org.trestle.engine.core.scale;

/**
 * What a pool of workers may become.
 *
 * @param minWorkers the pool never has fewer
 * @param maxWorkers the pool never has more
 * @param bundles how many bundles a worker runs at once where the processor is what they need
 * @param maxBundles how many it may run at once where they mostly wait for something else
 */
public record PoolLimits(int minWorkers, int maxWorkers, int bundles, int maxBundles) {
  public PoolLimits {
    if (minWorkers < 1 || maxWorkers < minWorkers || bundles < 1 || maxBundles < bundles) {
      throw new IllegalArgumentException("no pool can be of this size: " + this);
    }
  }

  /**
   * The same with other numbers of workers.
   *
   * @throws IllegalArgumentException if these are below 1 or contradict each other
   */
  public PoolLimits withWorkers(int min, int max) {
    return new PoolLimits(min, max, bundles, maxBundles);
  }
}
