package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.fn.environment.WorkerFactory.StartedWorker;

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
   * How big a pool may get.
   *
   * @param workers how many harnesses
   * @param bundlesPerWorker how many bundles may run on one of them at once
   * @param failures how many starts or deaths in a row, with no successful bundle in between, end
   *     the job
   */
  record Size(int workers, int bundlesPerWorker, int failures) {}

  /** Told what happens in the pool. */
  interface Listener {
    /** The number of bundles that may run at once has changed. */
    void slotsChanged(String environmentId, int slots);

    /** Something that people should know of. */
    void warning(String text);

    /** The pool has given up. */
    void failed(String message);
  }

  /** A place for one bundle on a worker. */
  static final class Lease {
    private final Member member;
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

    private Member(StartedWorker started) {
      this.started = started;
    }
  }

  /** A worker that has not connected yet. */
  private static final class Start {
    private final CompletableFuture<StartedWorker> worker;

    private Start(CompletableFuture<StartedWorker> worker) {
      this.worker = worker;
    }
  }

  private final String environmentId;
  private final Environment environment;
  private final WorkerFactory factory;
  private final WorkerSpec spec;
  private final Size size;
  private final JobLoop loop;
  private final LiveWorkers live;
  private final Listener listener;
  private final List<Member> members = new ArrayList<>();
  private final Set<Start> starting = new HashSet<>();
  private @Nullable EarlyWorker early;
  private int failuresInARow;
  private boolean stopped;

  /**
   * @param early a worker that has been asked for already
   */
  WorkerPool(
      Environment environment,
      WorkerFactory factory,
      WorkerSpec spec,
      @Nullable EarlyWorker early,
      Size size,
      JobLoop loop,
      LiveWorkers live,
      Listener listener) {
    this.environmentId = spec.environmentId();
    this.environment = environment;
    this.factory = factory;
    this.spec = spec;
    this.early = early;
    this.size = size;
    this.loop = loop;
    this.live = live;
    this.listener = listener;
  }

  /** Starts the pool's workers; they are announced as slots when they have connected. */
  void start() {
    loop.assertOwner();
    while (members.size() + starting.size() < size.workers()) {
      startOne();
    }
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
    Member member = new Member(worker);
    members.add(member);
    live.add(environmentId, worker.worker());
    var unused = worker.worker().lost().thenAccept(how -> loop.execute(() -> lost(member, how)));
    announce();
  }

  private void startFailed(Start start, String message) {
    if (starting.remove(start)) {
      replace(message);
    }
  }

  private void lost(Member member, String how) {
    if (stopped || !members.remove(member)) {
      return;
    }
    live.remove(environmentId, member.started.worker());
    member.started.stop();
    announce();
    replace("worker " + member.started.worker().id() + " is lost: " + how);
  }

  private void replace(String why) {
    failuresInARow++;
    if (failuresInARow >= size.failures() && members.isEmpty()) {
      listener.failed(
          "environment %s is given up after %d failures of its workers in a row, the last: %s"
              .formatted(environmentId, failuresInARow, why));
      return;
    }
    listener.warning("environment " + environmentId + ": " + why + "; starting another worker");
    long delay =
        Math.min(LONGEST_BACK_OFF_MILLIS, FIRST_BACK_OFF_MILLIS << Math.min(failuresInARow, 10));
    loop.schedule(
        () -> {
          if (!stopped && members.size() + starting.size() < size.workers()) {
            startOne();
          }
        },
        delay);
  }

  private void announce() {
    listener.slotsChanged(environmentId, members.size() * size.bundlesPerWorker());
  }

  /** Takes a place on the least busy worker; null if all are busy. */
  @Nullable Lease lease() {
    loop.assertOwner();
    Member best = null;
    for (Member member : members) {
      if (member.running < size.bundlesPerWorker()
          && (best == null || member.running < best.running)) {
        best = member;
      }
    }
    if (best == null) {
      return null;
    }
    best.running++;
    return new Lease(best);
  }

  /** Gives a place back. */
  void release(Lease lease, boolean success) {
    loop.assertOwner();
    if (!lease.released) {
      lease.released = true;
      lease.member.running--;
    }
    if (success) {
      failuresInARow = 0;
    }
  }

  /** Whether at most one worker is used at any time, so that its caches see every write. */
  boolean hasOneWorker() {
    return size.workers() == 1;
  }

  /** What the workers have logged so far; see {@link SdkWorker#logsArrived}. */
  List<CompletableFuture<Void>> logsArrived() {
    loop.assertOwner();
    return members.stream().map(member -> member.started.worker().logsArrived()).toList();
  }

  /** Stops all workers, also those still starting. */
  void stop() {
    loop.assertOwner();
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
