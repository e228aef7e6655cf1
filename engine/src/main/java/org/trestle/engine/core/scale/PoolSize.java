package org.trestle.engine.core.scale;

/**
 * A size for a pool.
 *
 * @param workers how many there should be
 * @param bundles how many bundles may run on each of them at once
 * @param reason of the change, for people
 */
public record PoolSize(int workers, int bundles, String reason) {}
