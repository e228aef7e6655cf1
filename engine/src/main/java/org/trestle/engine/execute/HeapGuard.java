package org.trestle.engine.execute;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the job that holds the most when the heap is full of what is in use, as otherwise all jobs
 * end, and the service with them. What can go to disk is there by then.
 */
final class HeapGuard implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(HeapGuard.class);
  private static final long PERIOD_MILLIS = 500;

  /**
   * The heap is full if collections leave more than this share of it... The old generation alone
   * says nothing: a collection of all fills it from the young one.
   */
  private static final double FULL_SHARE = 0.85;

  /** ...and take more than this share of the time... */
  private static final double COLLECTING_SHARE = 0.3;

  /** ...at so many looks in a row. */
  private static final int LOOKS = 3;

  /** Looks after a job has been ended, till its memory is free. */
  private static final int LOOKS_TO_FREE = 20;

  /** A job that holds less than this share of the heap is not what fills it. */
  private static final double BLAME_SHARE = 0.1;

  /**
   * What the virtual machine tells of its heap.
   *
   * @param nanos when
   * @param collectingMillis how long collections have taken since the start
   * @param leftShare how much of the heap the last collections of its parts have left
   */
  record Reading(long nanos, long collectingMillis, double leftShare) {}

  private final Supplier<? extends Collection<JobRun>> jobs;
  private final ScheduledExecutorService clock;
  private Reading last = read();
  private int looksFull;
  private int looksToSkip;

  /** Watches from now on, on a thread of its own. */
  HeapGuard(Supplier<? extends Collection<JobRun>> jobs) {
    this.jobs = jobs;
    this.clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "heap-guard");
              thread.setDaemon(true);
              return thread;
            });
    var unused =
        clock.scheduleWithFixedDelay(
            this::look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void look() {
    if (isFull(read())) {
      makeRoom();
    }
  }

  /** Whether room has to be made, as this reading and those before show. */
  boolean isFull(Reading now) {
    long nanos = Math.max(1, now.nanos - last.nanos);
    long collecting = TimeUnit.MILLISECONDS.toNanos(now.collectingMillis - last.collectingMillis);
    last = now;
    if (looksToSkip > 0) {
      looksToSkip--;
      return false;
    }
    boolean full = collecting > COLLECTING_SHARE * nanos && now.leftShare > FULL_SHARE;
    looksFull = full ? looksFull + 1 : 0;
    if (looksFull < LOOKS) {
      return false;
    }
    looksFull = 0;
    looksToSkip = LOOKS_TO_FREE;
    return true;
  }

  private void makeRoom() {
    long heap = Runtime.getRuntime().maxMemory();
    Optional<JobRun> largest =
        jobs.get().stream()
            .max(Comparator.comparingLong(JobRun::heldBytes))
            .filter(job -> job.heldBytes() > BLAME_SHARE * heap);
    if (largest.isEmpty()) {
      logger.error("the heap of {} is full, and no job holds much of it", size(heap));
      return;
    }
    JobRun job = largest.get();
    logger.error(
        "job={} is ended: the heap of {} is full, it holds {}",
        job.jobId(),
        size(heap),
        size(job.heldBytes()));
    job.fail(reason(job.heldBytes()));
  }

  /** Why a job that holds so much is ended. */
  static String reason(long heldBytes) {
    long heap = Runtime.getRuntime().maxMemory();
    return ("the service has no memory left, of which this job holds about %s of %s, for timers,"
            + " state and elements that cannot go to disk. Start the service with a larger heap,"
            + " like TRESTLE_JAVA_OPTS=-Xmx%dm")
        .formatted(size(heldBytes), size(heap), 2 * (heap >> 20));
  }

  private static String size(long bytes) {
    return (bytes >> 20) + " MiB";
  }

  private static Reading read() {
    long millis = 0;
    for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
      millis += Math.max(0, collector.getCollectionTime());
    }
    long left = 0;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      MemoryUsage usage = pool.getType() == MemoryType.HEAP ? pool.getCollectionUsage() : null;
      left += usage == null ? 0 : usage.getUsed();
    }
    return new Reading(System.nanoTime(), millis, (double) left / Runtime.getRuntime().maxMemory());
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
