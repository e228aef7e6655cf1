package org.trestle.job.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class IdleCollectorTest {
  private static final long MIB = 1L << 20;

  private final AtomicInteger collections = new AtomicInteger();

  private int collections(long usedBytes, long collectedBytes) {
    new IdleCollector(() -> usedBytes, () -> collectedBytes, collections::incrementAndGet)
        .collect();
    return collections.getAndSet(0);
  }

  @Test
  void collectsWhenMuchHasBecomeOld() {
    assertThat(collections(19 * MIB, 10 * MIB)).isEqualTo(1);
    assertThat(collections(18 * MIB, 10 * MIB)).isZero();
    assertThat(collections(10 * MIB, 10 * MIB)).isZero();
  }

  @Test
  void doesNotCollectLargeHeapsForLittle() {
    assertThat(collections(1_200 * MIB, 1_000 * MIB)).isZero();
    assertThat(collections(1_300 * MIB, 1_000 * MIB)).isEqualTo(1);
  }

  @Test
  void findsTheOldObjectsOfThisProcess() {
    assertThat(IdleCollector.ofThisProcess()).isPresent();
  }
}
