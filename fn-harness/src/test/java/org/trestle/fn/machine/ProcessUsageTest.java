package org.trestle.fn.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class ProcessUsageTest {
  private static final long BUSY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Computes till this thread has had a processor for so long. */
  private static void compute() {
    var threads = ManagementFactory.getThreadMXBean();
    long end = threads.getCurrentThreadCpuTime() + BUSY_NANOS;
    while (threads.getCurrentThreadCpuTime() < end) {
      Thread.onSpinWait();
    }
  }

  @Test
  void countsWhatTheThreadsOfAProcessWanted() {
    ProcessUsage usage = new ProcessUsage(ProcessHandle.current(), 0);
    compute();
    // The scheduler writes down a running thread's time at its ticks.
    assertThat(usage.wantedCores(2 * BUSY_NANOS)).isGreaterThan(0.3);
    assertThat(usage.wantedCores(2 * BUSY_NANOS)).as("no time has passed").isZero();
  }

  @Test
  void readsTheMemoryOfAProcess() {
    assertThat(new ProcessUsage(ProcessHandle.current(), 0).bytes()).isGreaterThan(10 << 20);
  }

  @Test
  void processThatHasEndedUsesNothing() throws Exception {
    Process process = new ProcessBuilder("true").start();
    ProcessUsage usage = new ProcessUsage(process.toHandle(), 0);
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(usage.wantedCores(1)).isZero();
    assertThat(usage.bytes()).isZero();
  }
}
