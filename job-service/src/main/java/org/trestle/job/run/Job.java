package org.trestle.job.run;

import static org.trestle.job.store.JobStates.isTerminal;
import static org.trestle.job.store.JobStates.mayFollow;

import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.jobmanagement.v1.JobApi.MetricResults;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.execute.JobExecution;
import org.trestle.engine.execute.JobListener;
import org.trestle.job.RefusedException;
import org.trestle.job.RefusedException.Reason;
import org.trestle.job.event.EventLog;
import org.trestle.job.event.JobEvent;
import org.trestle.job.event.Severity;
import org.trestle.job.store.JobDescription;
import org.trestle.job.store.JobDirectory;
import org.trestle.job.store.JobFigures;

/**
 * A job from Run to its terminal state and after. Listens to the engine; keeps the order clients
 * rely on: a failed job's error text comes before the state FAILED, and nothing follows a terminal
 * state.
 *
 * <p>Holds the pipeline and the execution only until the execution has ended; after that they are
 * read from the job's directory.
 */
public final class Job implements JobListener {
  private static final Logger logger = LoggerFactory.getLogger(Job.class);

  private static final long ANSWER_SECONDS = 10;

  private final JobDirectory directory;
  private final EventLog events;
  private final Clock clock;
  private final CompletableFuture<JobState.Enum> terminal = new CompletableFuture<>();
  private final CompletableFuture<Void> settled = new CompletableFuture<>();

  // written with the lock of this held
  private volatile JobDescription description;
  private volatile @Nullable Pipeline pipeline;

  // guarded by this
  private @Nullable JobExecution execution;
  private boolean errorTold;
  private boolean cancelled;

  private Job(
      JobDescription description,
      @Nullable Pipeline pipeline,
      JobDirectory directory,
      EventLog events,
      Clock clock) {
    this.description = description;
    this.pipeline = pipeline;
    this.directory = directory;
    this.events = events;
    this.clock = clock;
    if (isTerminal(description.state())) {
      terminal.complete(description.state());
      settled.complete(null);
    }
  }

  /** Makes a job in the state STOPPED, prepared at {@code prepared}. */
  static Job create(
      JobDescription description,
      Instant prepared,
      Pipeline pipeline,
      JobDirectory directory,
      EventLog events,
      Clock clock) {
    events.append(new JobEvent.StateChange(0, prepared, JobState.Enum.STOPPED));
    return new Job(description.with(events.states()), pipeline, directory, events, clock);
  }

  /** Makes a finished job of an earlier run of the service. */
  static Job finished(JobDescription description, JobDirectory directory, Clock clock) {
    EventLog events = EventLog.open(directory.events(), description.states());
    return new Job(description, null, directory, events, clock);
  }

  /**
   * Makes a job whose last written description says that it runs: fails it, unless its service died
   * before it could write what clients were told already.
   */
  static Job interrupted(
      JobDescription description, JobDirectory directory, long logBytes, Clock clock) {
    EventLog events = EventLog.resume(directory.events(), logBytes);
    Job job = new Job(description.with(events.states()), null, directory, events, clock);
    if (isTerminal(job.state())) {
      events.close();
      job.writeLast();
    } else {
      job.fail("service stopped while the job ran");
    }
    job.settled.complete(null);
    return job;
  }

  /** What is known of the job now. */
  public synchronized JobDescription description() {
    return description;
  }

  /** The job's id. */
  public String id() {
    return description().id();
  }

  /** The job's state now. */
  public JobState.Enum state() {
    return description().state();
  }

  /** The job's history. */
  public EventLog events() {
    return events;
  }

  /** Completes with the terminal state when clients are told of it. */
  public CompletableFuture<JobState.Enum> terminal() {
    return terminal;
  }

  /** Writes the job to its directory and keeps it there; it may run already, or have ended. */
  void persist() throws IOException {
    Pipeline current = pipeline;
    if (current != null) {
      directory.write(current);
    }
    writeDescription();
  }

  private void writeDescription() throws IOException {
    synchronized (directory) {
      directory.write(description);
    }
  }

  /** Takes the engine's execution; cancels it if that was asked for meanwhile. */
  void started(JobExecution started) {
    boolean cancelNow;
    synchronized (this) {
      execution = started;
      cancelNow = cancelled;
    }
    if (cancelNow) {
      started.cancel();
    }
    var unused =
        started
            .done()
            .whenComplete(
                (state, failure) -> {
                  if (failure != null) {
                    fail("the engine gave up the job: " + failure);
                  } else if (isTerminal(state)) {
                    state(state);
                  } else {
                    fail("the engine ended the job in the state " + state);
                  }
                  settle(started);
                });
  }

  /** Fails the job with a text for its user, unless it has ended. */
  void fail(String text) {
    if (!isTerminal(state())) {
      message(MessageImportance.JOB_MESSAGE_ERROR, text);
      state(JobState.Enum.FAILED);
    }
  }

  /**
   * Asks the job to stop; returns at once.
   *
   * @return CANCELLING, or the terminal state the job is in already
   */
  public JobState.Enum cancel() {
    JobExecution running;
    synchronized (this) {
      if (isTerminal(description.state())) {
        return description.state();
      }
      cancelled = true;
      running = execution;
    }
    state(JobState.Enum.CANCELLING);
    if (running != null) {
      running.cancel();
    }
    return state();
  }

  /**
   * Lets a streaming job come to its end; returns when it has begun to.
   *
   * @return DRAINING, or the state the job is in already
   * @throws RefusedException if the job is not a running streaming job
   */
  public JobState.Enum drain() {
    return ask("drained", JobExecution::drain);
  }

  /**
   * Sets how many workers the job may have in each environment.
   *
   * @return the state the job is in
   * @throws RefusedException if the job is not running, its workers are not its own, or it cannot
   *     have so many
   */
  public JobState.Enum scale(int minWorkers, int maxWorkers) {
    return ask("scaled", running -> running.scale(minWorkers, maxWorkers));
  }

  /**
   * Asks the execution for something, and waits till it does it.
   *
   * @param what is done with the job, as a participle
   */
  private JobState.Enum ask(String what, Function<JobExecution, CompletableFuture<Void>> question) {
    JobExecution running;
    synchronized (this) {
      running = execution;
    }
    if (running == null) {
      throw new RefusedException(
          Reason.NOT_NOW, "job '" + id() + "' is not running, so it cannot be " + what);
    }
    try {
      question.apply(running).get(ANSWER_SECONDS, TimeUnit.SECONDS);
      return state();
    } catch (ExecutionException e) {
      String why = e.getCause() == null ? e.toString() : e.getCause().getMessage();
      boolean wrong = e.getCause() instanceof IllegalArgumentException;
      throw new RefusedException(
          wrong ? Reason.INVALID : Reason.NOT_NOW, "job '" + id() + "': " + why);
    } catch (TimeoutException e) {
      throw new RefusedException(
          Reason.NOT_NOW,
          "job '" + id() + "' was not " + what + " within " + ANSWER_SECONDS + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RefusedException(Reason.NOT_NOW, "interrupted");
    }
  }

  @Override
  public void state(JobState.Enum state) {
    synchronized (this) {
      if (!mayFollow(description.state(), state)) {
        return;
      }
      if (state == JobState.Enum.FAILED && !errorTold) {
        message(MessageImportance.JOB_MESSAGE_ERROR, "the job failed; the engine gave no reason");
      }
      JobEvent.StateChange change = new JobEvent.StateChange(0, clock.instant(), state);
      if (isTerminal(state)) {
        events.end(change, states -> description = description.with(states));
      } else {
        events.append(change);
        description = description.with(events.states());
      }
    }
    if (isTerminal(state)) {
      // Clients do not wait for this file: the end is in the log, too.
      writeLast();
      terminal.complete(state);
    }
  }

  private void writeLast() {
    try {
      writeDescription();
    } catch (IOException e) {
      logger.error("job {} cannot be written: {}", id(), e.toString());
    }
  }

  @Override
  public void message(MessageImportance importance, String text) {
    synchronized (this) {
      if (importance == MessageImportance.JOB_MESSAGE_ERROR) {
        errorTold = true;
      }
      events.append(new JobEvent.Message(0, clock.instant(), importance, text));
    }
  }

  @Override
  public void log(String workerId, LogEntry entry) {
    Instant time =
        entry.hasTimestamp()
            ? instant(entry.getTimestamp().getSeconds(), entry.getTimestamp().getNanos())
            : clock.instant();
    String text =
        entry.getTrace().isEmpty()
            ? entry.getMessage()
            : entry.getMessage() + "\n" + entry.getTrace();
    JobEvent.Log event =
        new JobEvent.Log(
            0,
            time,
            Severity.from(entry.getSeverity()),
            workerId,
            entry.getTransformId(),
            entry.getInstructionId(),
            entry.getLogLocation(),
            entry.getThread(),
            text);
    if (!event.isEcho()) {
      events.append(event);
    }
  }

  private Instant instant(long seconds, int nanos) {
    try {
      return Instant.ofEpochSecond(seconds, nanos);
    } catch (java.time.DateTimeException | ArithmeticException e) {
      return clock.instant();
    }
  }

  /** The pipeline as it runs or ran. */
  public Pipeline pipeline() throws IOException {
    synchronized (this) {
      if (pipeline != null) {
        return pipeline;
      }
    }
    return directory.readPipeline();
  }

  /** The figures so far, or the last ones. */
  public JobFigures figures() throws IOException {
    JobExecution running;
    synchronized (this) {
      running = execution;
    }
    return running == null ? directory.readFigures() : figures(running);
  }

  private static JobFigures figures(JobExecution execution) {
    MetricResults metrics =
        MetricResults.newBuilder()
            .addAllAttempted(execution.attemptedMetrics())
            .addAllCommitted(execution.committedMetrics())
            .build();
    return new JobFigures(metrics, List.copyOf(execution.stages()), execution.explain());
  }

  /** Completes when nothing of the job is held in memory or written any more. */
  CompletableFuture<Void> settled() {
    return settled;
  }

  /** Writes the figures and lets go of what only a running job needs. */
  private void settle(JobExecution ended) {
    try {
      directory.write(figures(ended));
      release();
    } catch (IOException | RuntimeException e) {
      logger.error("figures of job {} cannot be written: {}", id(), e.toString());
    } finally {
      settled.complete(null);
    }
  }

  /** Fails a job that could not be started or written. */
  void giveUp(String text) {
    fail(text);
    JobExecution running;
    synchronized (this) {
      running = execution;
    }
    if (running != null) {
      running.cancel();
    } else {
      release();
      settled.complete(null);
    }
  }

  private synchronized void release() {
    execution = null;
    pipeline = null;
  }
}
