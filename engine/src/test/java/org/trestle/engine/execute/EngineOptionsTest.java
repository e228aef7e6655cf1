package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EngineOptionsTest {
  private static final long MIB = 1 << 20;

  @Test
  void smallHeapsKeepRoomForTheService() {
    assertThat(EngineOptions.memoryBytesOf(64 * MIB)).isEqualTo(16 * MIB);
    assertThat(EngineOptions.memoryBytesOf(192 * MIB)).isEqualTo(64 * MIB);
    assertThat(EngineOptions.memoryBytesOf(8192 * MIB)).isEqualTo(4064 * MIB);
  }
}
