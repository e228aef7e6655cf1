package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
  private final MemoryBudget whole = new MemoryBudget(1000);
  private final MemoryBudget part = whole.part();
  private final MemoryBudget other = whole.part();

  @Test
  void partsShareOneLimit() {
    part.reserve(600);
    assertThat(other.scarce()).isFalse();
    other.reserve(300);
    assertThat(part.scarce()).isTrue();
    assertThat(part.exceeded()).isFalse();
    other.reserve(101);
    assertThat(part.exceeded()).isTrue();
    assertThat(part.reserved()).isEqualTo(600);
    assertThat(other.reserved()).isEqualTo(401);
    assertThat(whole.reserved()).isEqualTo(1001);
    part.release(600);
    assertThat(other.exceeded()).isFalse();
    other.release(401);
    assertThat(whole.reserved()).isZero();
  }

  @Test
  void aPartThatBrokeLeavesNothingBehind() {
    part.reserve(600);
    other.reserve(5);
    part.abandon();
    assertThat(whole.reserved()).isEqualTo(5);
    part.reserve(1);
    assertThatThrownBy(() -> part.release(3)).isInstanceOf(IllegalStateException.class);
    part.abandon();
    assertThat(whole.reserved()).isEqualTo(5);
  }
}
