package org.trestle.engine.simulation;

import static org.trestle.engine.simulation.ModelViolation.check;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.trestle.engine.core.bundle.BundleFailure.Cause;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.StageId;

/**
 * What every run of a core on a random schedule has: slots, a clock, running bundles, and a log.
 */
abstract class RandomRun {
  private static final int LOSSES_TO_BE_SUSPECT = 3;

  /** A line of the log; made to text only when somebody reads it. */
  private record Entry(String what, Object detail) {}

  final Random random;
  final Map<BundleId, BundleWork> running = new LinkedHashMap<>();
  final Map<String, Integer> slots = new TreeMap<>();
  long now;
  long wakeAt = Long.MAX_VALUE;
  boolean ended;

  /** How many more events may be ones that a quiet run would not have. */
  int mishaps;

  private final List<String> pools;
  private final int mostSteps;
  private final List<Entry> log = new ArrayList<>();

  RandomRun(Random random, List<String> pools, int mostSteps) {
    this.random = random;
    this.pools = pools;
    this.mostSteps = mostSteps;
  }

  abstract TestedCore core();

  abstract String poolOf(StageId stage);

  /**
   * Runs till the job ends.
   *
   * @throws ModelViolation if the core does what it must not
   */
  abstract void run();

  /** One event. */
  abstract void step();

  /** Takes what the core asks for, and compares. */
  abstract void settle();

  /** Starts the core and goes on till the job ends. */
  void runToEnd() {
    log("start at", now);
    core().start(now);
    settle();
    int steps = 0;
    while (!ended) {
      check(++steps < mostSteps, "the job does not end");
      step();
      settle();
    }
  }

  /** What happened, one line for each event and action. */
  List<String> log() {
    List<String> lines = new ArrayList<>();
    for (Entry entry : log) {
      lines.add(entry.what() + " " + entry.detail());
    }
    return lines;
  }

  /**
   * Adds a line to the log.
   *
   * @param detail does not change any more
   */
  void log(String what, Object detail) {
    log.add(new Entry(what, detail));
  }

  void mishap(Runnable event) {
    if (!running.isEmpty()) {
      mishaps--;
      event.run();
    }
  }

  BundleId anyRunning() {
    return List.copyOf(running.keySet()).get(random.nextInt(running.size()));
  }

  /** A bundle starts. */
  void add(BundleWork work) {
    String pool = poolOf(work.stage());
    for (BundleWork other : running.values()) {
      check(
          !poolOf(other.stage()).equals(pool) || (!isSuspect(work) && !isSuspect(other)),
          "%s starts beside %s, and one of them may end its workers",
          work.id(),
          other.id());
    }
    check(running.put(work.id(), work) == null, "%s is used twice", work.id());
  }

  /** Why a bundle fails for which another attempt may help. */
  Cause anyCause() {
    return random.nextBoolean() ? Cause.WORK : Cause.LOST_WORKER;
  }

  private static boolean isSuspect(BundleWork work) {
    return work.attempts().lostWorkers() >= LOSSES_TO_BE_SUSPECT;
  }

  BundleWork remove(BundleId id) {
    BundleWork work = running.remove(id);
    if (work == null) {
      throw new ModelViolation(id + " does not run", null);
    }
    return work;
  }

  /** Nothing runs: slots must be missing, or time must pass. */
  void goOn() {
    boolean lacking = false;
    for (String pool : pools) {
      if (slots.getOrDefault(pool, 0) == 0) {
        setSlots(pool, 1 + random.nextInt(3));
        lacking = true;
      }
    }
    if (!lacking) {
      check(wakeAt != Long.MAX_VALUE, "nothing runs, and the job has not ended");
      tick(wakeAt);
    }
  }

  void setSlots(String pool, int count) {
    log("slots of " + pool, count);
    slots.put(pool, count);
    core().slots(pool, count);
  }

  void tick(long time) {
    log("tick", time);
    now = Math.max(now, time);
    if (now >= wakeAt) {
      wakeAt = Long.MAX_VALUE;
    }
    core().tick(time);
  }

  void wakeAt(long time) {
    check(time > now, "wake up in the past: %s", time);
    wakeAt = Math.min(wakeAt, time);
  }
}
