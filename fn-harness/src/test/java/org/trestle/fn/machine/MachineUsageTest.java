package org.trestle.fn.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineUsageTest {
  @TempDir Path proc;

  private void stat(String times) throws IOException {
    Files.writeString(proc.resolve("stat"), "cpu  " + times + "\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  }

  @Test
  void countsIdleProcessorsSinceTheLastLook() throws IOException {
    stat("100 0 100 700 100 0 0 0 50 50");
    MachineUsage usage = new MachineUsage(proc);

    stat("150 10 120 720 100 0 0 0 90 90");
    assertThat(usage.idleCores()).isCloseTo(0.2 * usage.cores(), within(1e-9));
    stat("150 10 120 760 160 0 0 0 90 90");
    assertThat(usage.idleCores()).isCloseTo(usage.cores(), within(1e-9));
  }

  @Test
  void nothingIsIdleIfNoTimeHasPassed() throws IOException {
    stat("100 0 100 700 100 0 0 0 0 0");
    assertThat(new MachineUsage(proc).idleCores()).isZero();
  }

  @Test
  void readsTheMemoryThatProgramsCanStillGet() throws IOException {
    Files.writeString(
        proc.resolve("meminfo"), "MemTotal: 900 kB\nMemFree: 1 kB\nMemAvailable:   300 kB\n");
    assertThat(new MachineUsage(proc).freeBytes()).isEqualTo(300 << 10);
  }

  @Test
  void knowsNothingWithoutTheFilesOfLinux() {
    MachineUsage usage = new MachineUsage(proc);
    assertThat(usage.idleCores()).isZero();
    assertThat(usage.freeBytes()).isZero();
    assertThat(usage.cores()).isPositive();
  }
}
