package org.trestle.engine.execute;

import java.util.Map;
import org.trestle.engine.core.scale.PoolScaler;
import org.trestle.engine.core.schedule.JobCore;
import org.trestle.fn.machine.MachineUsage;

/**
 * Looks a few times a second at how busy the machine and a job's workers are, and tells the core,
 * which decides the size of the pools. Owned by the job's loop.
 */
final class LoadWatch {
  private static final long PERIOD_MILLIS = 1000 / PoolScaler.LOOKS_PER_SECOND;

  private final JobLoop loop;
  private final JobCore core;
  private final Map<String, WorkerPool> pools;
  private final CoreMemory memory;
  private final Runnable pump;
  private final MachineUsage machine = new MachineUsage();

  /**
   * @param pump carries out what the core asks for after an event
   */
  LoadWatch(
      JobLoop loop, JobCore core, Map<String, WorkerPool> pools, CoreMemory memory, Runnable pump) {
    this.loop = loop;
    this.core = core;
    this.pools = pools;
    this.memory = memory;
    this.pump = pump;
  }

  /** Goes on till the job ends. */
  void start() {
    pools.forEach((id, pool) -> core.scale(id, pool.limits(), pool.workers()));
    next();
  }

  private void next() {
    loop.schedule(this::look, PERIOD_MILLIS);
  }

  private void look() {
    if (core.isEnded()) {
      return;
    }
    double idleCores = machine.idleCores();
    long freeBytes = machine.freeBytes();
    long now = System.nanoTime();
    memory.look();
    boolean full = memory.full();
    pools.forEach(
        (id, pool) ->
            core.poolLoad(id, pool.load(machine.cores(), idleCores, freeBytes, full, now)));
    pump.run();
    next();
  }
}
