package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.scale.PoolLimits;
import org.trestle.engine.core.scale.PoolLoad;
import org.trestle.engine.core.scale.PoolSize;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.fn.environment.WorkerFactory.StartedWorker;
import org.trestle.fn.machine.ProcessUsage;
import org.trestle.proto.Urns;

/**
 * The harnesses of one environment of a job: starts them, counts the bundles on each, replaces
 * those that die.
 *
 * <p>Owned by the job's loop: every method is called on it, and listeners are called on it.
 */
final class WorkerPool {
  private static final long FIRST_BACK_OFF_MILLIS = 100;
  private static final long LONGEST_BACK_OFF_MILLIS = 10_000;

  /**
   * Failed starts, and deaths without a bundle, in a row after which an environment is given up.
   */
  private static final int MOST_FAILURES = 3;

  /** The same once a worker has done something: the environment itself is in order. */
  private static final int MOST_FAILURES_LATER = 10;

  /** So many workers lost within {@link #OF_LATE_MILLIS} are no accident: more will follow. */
  private static final int LOSSES_FOR_RESERVE = 2;

  private static final long OF_LATE_MILLIS = 60_000;

  /** Told what happens in the pool. */
  interface Listener {
    /** The number of bundles that may run at once has changed. */
    void slotsChanged(String environmentId, int slots);

    /** The pool gets another size. */
    void resized(String environmentId, int workersBefore, int bundlesBefore, PoolSize size);

    /** Something that people should know of. */
    void warning(String text);

    /** The pool has given up. */
    void failed(String message);
  }

  /** A place for one bundle on a worker. */
  static final class Lease {
    private final Member member;
    private boolean ending;
    private boolean released;

    private Lease(Member member) {
      this.member = member;
    }

    SdkWorker worker() {
      return member.started.worker();
    }
  }

  private static final class Member {
    private final StartedWorker started;
    private int running;

    /** How many of the running ones are ending. */
    private int ending;

    /** Whether it has had a bundle. */
    private boolean used;

    /** Gets no more bundles, and is stopped after its last one. */
    private boolean leaving;

    private @Nullable ProcessUsage usage;

    private Member(StartedWorker started) {
      this.started = started;
    }

    private int busy() {
      return running - ending;
    }

    private void watch(ProcessHandle process) {
      usage = new ProcessUsage(process, System.nanoTime());
    }
  }

  /** A worker that has not connected yet. */
  private static final class Start {
    private final CompletableFuture<StartedWorker> worker;
    private final long begunNanos = System.nanoTime();

    private Start(CompletableFuture<StartedWorker> worker) {
      this.worker = worker;
    }
  }

  private final String environmentId;
  private final Environment environment;
  private final WorkerFactory factory;
  private final WorkerSpec spec;
  private final JobLoop loop;
  private final LiveWorkers live;
  private final Listener listener;
  private final List<Member> members = new ArrayList<>();
  private final Set<Start> starting = new HashSet<>();
  private @Nullable EarlyWorker early;
  private PoolLimits limits;
  private int workers;
  private int bundlesPerWorker;

  /** Whether several workers may have been in use at once. */
  private boolean hadSeveral;

  private boolean hasWorked;
  private int failuresInARow;

  /** How many workers with bundles were lost of late. */
  private int losses;

  /** How long the last worker that connected took to do so. */
  private long startMillis;

  private boolean jobEnded;
  private boolean stopped;

  /**
   * @param early a worker that has been asked for already
   * @param limits what the pool may become
   * @param workers how many are started at first
   */
  WorkerPool(
      Environment environment,
      WorkerFactory factory,
      WorkerSpec spec,
      @Nullable EarlyWorker early,
      PoolLimits limits,
      int workers,
      JobLoop loop,
      LiveWorkers live,
      Listener listener) {
    this.environmentId = spec.environmentId();
    this.environment = environment;
    this.factory = factory;
    this.spec = spec;
    this.early = early;
    this.limits = limits;
    this.workers = workers;
    this.bundlesPerWorker = limits.bundles();
    this.hadSeveral = limits.maxWorkers() > 1;
    this.loop = loop;
    this.live = live;
    this.listener = listener;
  }

  /** Starts the pool's workers; they are announced as slots when they have connected. */
  void start() {
    loop.assertOwner();
    while (!jobEnded && staying() + starting.size() < processes()) {
      startOne();
    }
  }

  /** How many workers there should be with those in reserve; the first of them are in use. */
  private int processes() {
    return workers + reserve();
  }

  /**
   * How many workers a pool has that take the place of others at once, when it loses some again and
   * again: as many as it loses while one starts.
   */
  private int reserve() {
    if (losses < LOSSES_FOR_RESERVE || !isScalable()) {
      return 0;
    }
    long whileStarting = 1 + losses * startMillis / OF_LATE_MILLIS;
    return (int) Math.min(whileStarting, workers);
  }

  /** How many workers take bundles. */
  private int inUse() {
    return Math.min(workers, staying());
  }

  /** How many workers there are that do not leave. */
  private int staying() {
    int count = 0;
    for (Member member : members) {
      count += member.leaving ? 0 : 1;
    }
    return count;
  }

  String environmentId() {
    return environmentId;
  }

  /** Whether the job decides how many workers there are, and not a pool of its user's. */
  boolean isScalable() {
    return !environment.getUrn().equals(Urns.Environments.EXTERNAL);
  }

  /** What the pool may become. */
  PoolLimits limits() {
    return limits;
  }

  /** How many workers the pool should have now. */
  int workers() {
    return workers;
  }

  /** Sets other limits; the size stays till {@link #resize}. */
  void limit(PoolLimits other) {
    loop.assertOwner();
    limits = other;
    hadSeveral |= other.maxWorkers() > 1;
  }

  /** Starts workers, or lets some leave as soon as they have nothing to do. */
  void resize(PoolSize size) {
    loop.assertOwner();
    if (stopped) {
      return;
    }
    listener.resized(environmentId, workers, bundlesPerWorker, size);
    workers = size.workers();
    bundlesPerWorker = size.bundles();
    shrink();
    start();
    announce();
  }

  /** Lets workers leave that are too many: those that have nothing to do at once. */
  private void shrink() {
    for (int i = members.size() - 1; i >= 0; i--) {
      Member member = members.get(i);
      boolean tooMany = staying() + starting.size() > processes();
      member.leaving &= staying() + starting.size() >= processes();
      if (tooMany && !member.leaving && member.running == 0) {
        dismiss(member);
      }
    }
    for (int i = members.size() - 1; staying() + starting.size() > processes() && i >= 0; i--) {
      members.get(i).leaving = true;
    }
  }

  private void dismiss(Member member) {
    members.remove(member);
    live.remove(environmentId, member.started.worker());
    member.started.stop();
  }

  /** How busy the pool and the machine have been since the last call. */
  PoolLoad load(
      int cores, double idleCores, long freeBytes, boolean dataMemoryFull, long nowNanos) {
    loop.assertOwner();
    boolean allSeen = !members.isEmpty();
    double wanted = 0;
    long largest = 0;
    for (Member member : members) {
      if (member.usage == null) {
        allSeen = false;
      } else {
        wanted += member.usage.wantedCores(nowNanos);
        largest = Math.max(largest, member.usage.bytes());
      }
    }
    return new PoolLoad(
        inUse(),
        starting.size(),
        cores,
        idleCores,
        allSeen ? OptionalDouble.of(wanted) : OptionalDouble.empty(),
        freeBytes,
        largest,
        dataMemoryFull);
  }

  private void startOne() {
    EarlyWorker ready = early;
    early = null;
    Start start = new Start(ready == null ? factory.start(environment, spec) : ready.take(spec));
    starting.add(start);
    var unused =
        start.worker.whenComplete(
            (worker, failure) -> {
              if (failure == null) {
                loop.execute(() -> connected(start, worker));
              } else {
                loop.execute(() -> startFailed(start, messageOf(failure)));
              }
            });
  }

  private void connected(Start start, StartedWorker worker) {
    if (!starting.remove(start)) {
      return;
    }
    startMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start.begunNanos);
    Member member = new Member(worker);
    member.leaving = staying() >= processes();
    members.add(member);
    live.add(environmentId, worker.worker());
    var unused = worker.worker().lost().thenAccept(how -> loop.execute(() -> lost(member, how)));
    var found =
        worker
            .worker()
            .process()
            .thenAccept(process -> loop.execute(() -> process.ifPresent(member::watch)));
    assert unused != null && found != null;
    if (member.leaving) {
      dismiss(member);
    }
    announce();
  }

  private void startFailed(Start start, String message) {
    if (starting.remove(start) && !jobEnded) {
      replace(message);
    }
  }

  private void lost(Member member, String how) {
    if (stopped || !members.remove(member)) {
      return;
    }
    live.remove(environmentId, member.started.worker());
    member.started.stop();
    if (jobEnded) {
      return; // Clients let their workers go when they are told.
    }
    announce();
    String why = "worker " + member.started.worker().id() + " is lost: " + how;
    if (member.used) {
      // Its bundles count their lost workers themselves: the environment may be in order.
      warn(why);
      losses++;
      loop.schedule(this::forgetLoss, OF_LATE_MILLIS);
      start();
    } else {
      replace(why);
    }
  }

  private void forgetLoss() {
    losses--;
    if (!stopped) {
      shrink();
    }
  }

  private void replace(String why) {
    failuresInARow++;
    if (failuresInARow >= (hasWorked ? MOST_FAILURES_LATER : MOST_FAILURES) && members.isEmpty()) {
      listener.failed(
          "environment %s is given up after %d failures of its workers in a row, the last: %s"
              .formatted(environmentId, failuresInARow, why));
      return;
    }
    warn(why);
    long delay =
        Math.min(LONGEST_BACK_OFF_MILLIS, FIRST_BACK_OFF_MILLIS << Math.min(failuresInARow, 10));
    loop.schedule(
        () -> {
          if (!jobEnded && staying() + starting.size() < processes()) {
            startOne();
          }
        },
        delay);
  }

  private void warn(String why) {
    listener.warning("environment " + environmentId + ": " + why + "; starting another worker");
  }

  private void announce() {
    listener.slotsChanged(environmentId, inUse() * bundlesPerWorker);
  }

  /** Takes a place on the least busy worker; null if there is none. */
  @Nullable Lease lease() {
    loop.assertOwner();
    Member best = null;
    int seen = 0;
    for (Member member : members) {
      if (!member.leaving && seen < workers) {
        seen++;
        best = best == null || member.busy() < best.busy() ? member : best;
      }
    }
    if (best == null) {
      return null;
    }
    best.running++;
    best.used = true;
    return new Lease(best);
  }

  /** The bundle on the place is ending: another one may begin beside it. */
  void ending(Lease lease) {
    loop.assertOwner();
    if (!lease.ending && !lease.released) {
      lease.ending = true;
      lease.member.ending++;
    }
  }

  /** Gives a place back. */
  void release(Lease lease, boolean success) {
    loop.assertOwner();
    if (!lease.released) {
      lease.released = true;
      lease.member.running--;
      lease.member.ending -= lease.ending ? 1 : 0;
      if (lease.member.leaving && lease.member.running == 0 && members.contains(lease.member)) {
        dismiss(lease.member);
      }
    }
    if (success) {
      hasWorked = true;
      failuresInARow = 0;
    }
  }

  /** Whether at most one worker is used at any time, so that its caches see every write. */
  boolean hasOneWorker() {
    return !hadSeveral;
  }

  /** What the workers have logged so far; see {@link SdkWorker#logsArrived}. */
  List<CompletableFuture<Void>> logsArrived() {
    loop.assertOwner();
    return members.stream().map(member -> member.started.worker().logsArrived()).toList();
  }

  /** The job has ended: from now on no worker is started, and none that goes is missed. */
  void jobEnded() {
    loop.assertOwner();
    jobEnded = true;
  }

  /** Stops all workers, also those still starting. */
  void stop() {
    jobEnded();
    stopped = true;
    for (Member member : members) {
      live.remove(environmentId, member.started.worker());
      member.started.stop();
    }
    members.clear();
    // The loop may not run any more when these connect.
    for (Start start : starting) {
      var unused = start.worker.thenAccept(StartedWorker::stop);
    }
    starting.clear();
    if (early != null) {
      early.stop();
    }
  }

  private static String messageOf(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    String message = cause.getMessage();
    return message == null ? cause.toString() : message;
  }
}
