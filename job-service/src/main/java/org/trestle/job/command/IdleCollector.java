package org.trestle.job.command;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Has the heap collected while no job runs, if much may be garbage: else the whole heap is
 * collected in the middle of a later job, whose harnesses wait for it. Safe for use by several
 * threads.
 */
final class IdleCollector {
  /** Garbage that is not worth a pause, in bytes. */
  private static final long LITTLE = 8L << 20;

  private final LongSupplier usedBytes;
  private final LongSupplier collectedBytes;
  private final Runnable collection;

  /**
   * Makes one that has collected nothing.
   *
   * @param usedBytes what old objects use, garbage with them
   * @param collectedBytes what they used after the last collection of the whole heap
   * @param collection collects the whole heap
   */
  IdleCollector(LongSupplier usedBytes, LongSupplier collectedBytes, Runnable collection) {
    this.usedBytes = usedBytes;
    this.collectedBytes = collectedBytes;
    this.collection = collection;
  }

  /** A collector of this process; nothing if its heap keeps no old objects apart. */
  static Optional<IdleCollector> ofThisProcess() {
    // HotSpot's collectors have a "Tenured Gen", "PS Old Gen" or "G1 Old Gen".
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP && pool.getCollectionUsage() != null)
        .filter(pool -> pool.getName().matches(".*(Tenured|Old) Gen"))
        .findFirst()
        .map(
            old ->
                new IdleCollector(
                    () -> old.getUsage().getUsed(),
                    () -> old.getCollectionUsage().getUsed(),
                    System::gc));
  }

  /**
   * Collects the heap if old objects have become so many more since they were last collected that a
   * job could soon have no room for its own.
   */
  void collect() {
    long collected = collectedBytes.getAsLong();
    if (usedBytes.getAsLong() - collected > Math.max(LITTLE, collected / 4)) {
      collection.run();
    }
  }
}
