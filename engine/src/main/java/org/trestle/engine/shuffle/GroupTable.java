package org.trestle.engine.shuffle;

import org.trestle.engine.core.port.ElementBlock;

/**
 * The groups of one grouping stage over bounded input, by key group.
 *
 * <p>A key group belongs to one thread at a time, different key groups to different threads. What
 * is added counts at once, also if the bundle that adds it fails later: grouping bundles fail only
 * if the disk does or the input is malformed, and that ends the job.
 */
public final class GroupTable implements AutoCloseable {

  public GroupTable(Grouping grouping, int keyGroups, MemoryBudget budget, SpillFiles files) {}

  /**
   * Adds elements whose keys belong to the key group. An element in several windows counts in each.
   *
   * @throws org.trestle.fn.wire.WireFormatException if they are malformed
   * @throws SpillException if the disk fails
   */
  public void add(int keyGroup, ElementBlock block) {
    if (keyGroup >= 0) {
      throw new UnsupportedOperationException("not built yet");
    }
  }

  /**
   * Writes each group of the key group once, as a windowed {@code KV<K, Iterable<V>>}, and frees
   * the key group. Nothing may be added to it afterwards.
   */
  public void drain(int keyGroup, EdgeWriter output) {
    if (keyGroup >= 0) {
      throw new UnsupportedOperationException("not built yet");
    }
  }

  /** Frees all key groups. Idempotent. */
  @Override
  public void close() {}
}
