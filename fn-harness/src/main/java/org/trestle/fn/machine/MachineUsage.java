package org.trestle.fn.machine;

import java.nio.file.Path;
import java.util.List;

/** How busy this machine is. For one thread. */
public final class MachineUsage {
  private static final Path PROC = Path.of("/proc");

  private final int cores = Runtime.getRuntime().availableProcessors();
  private final Path proc;
  private long idleBefore;
  private long allBefore;

  /** Looks at this machine for the first time. */
  public MachineUsage() {
    this(PROC);
  }

  MachineUsage(Path proc) {
    this.proc = proc;
    double unused = idleCores();
  }

  /** How many processors there are. */
  public int cores() {
    return cores;
  }

  /** How many processors were idle since the last call, on average; 0 if that is not known. */
  public final double idleCores() {
    long idle = 0;
    long all = 0;
    List<String> lines = ProcFiles.lines(proc.resolve("stat"));
    String[] times = lines.isEmpty() ? new String[0] : lines.get(0).trim().split("\\s+");
    // cpu user nice system idle iowait irq softirq steal: guests' time is in the users' already.
    for (int i = 1; i < Math.min(times.length, 9); i++) {
      long ticks = Long.parseLong(times[i]);
      all += ticks;
      if (i == 4 || i == 5) {
        idle += ticks;
      }
    }
    long newIdle = idle - idleBefore;
    long newAll = all - allBefore;
    idleBefore = idle;
    allBefore = all;
    return newAll <= 0 ? 0 : (double) cores * newIdle / newAll;
  }

  /** Memory that programs can still get without swapping, in bytes; 0 if that is not known. */
  public long freeBytes() {
    return ProcFiles.bytes(proc.resolve("meminfo"), "MemAvailable");
  }
}
