package org.trestle.job.run;

import static org.trestle.job.store.JobStates.isTerminal;

import com.google.protobuf.Struct;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.engine.execute.Engine;
import org.trestle.engine.execute.PreparedJob;
import org.trestle.engine.graph.InvalidPipelineException;
import org.trestle.job.RefusedException;
import org.trestle.job.RefusedException.Reason;
import org.trestle.job.artifact.ArtifactNames;
import org.trestle.job.artifact.BlobStore;
import org.trestle.job.artifact.Staging;
import org.trestle.job.event.EventLog;
import org.trestle.job.store.JobDescription;
import org.trestle.job.store.JobDirectory;
import org.trestle.job.store.StateDirectory;

/**
 * All preparations and jobs of a service: those of this run and the finished ones of earlier runs.
 * Safe for use by several threads. Refuses with {@link RefusedException}.
 */
public final class Jobs implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(Jobs.class);

  private final Engine engine;
  private final StateDirectory state;
  private final BlobStore blobs;
  private final JobLimits limits;
  private final Clock clock;

  // guarded by this
  private final Map<String, Preparation> preparations = new LinkedHashMap<>();
  private final Map<String, Job> jobs = new LinkedHashMap<>();
  private final Map<String, String> jobOfPreparation = new LinkedHashMap<>();
  private boolean stopping;

  private volatile Runnable afterEach = () -> {};

  private Jobs(Engine engine, StateDirectory state, JobLimits limits, Clock clock) {
    this.engine = engine;
    this.state = state;
    this.blobs = new BlobStore(state.artifacts());
    this.limits = limits;
    this.clock = clock;
  }

  /**
   * Opens the jobs of a state directory. Those that ran when their service died are failed.
   *
   * @throws IOException if the directory cannot be read
   */
  public static Jobs open(Engine engine, StateDirectory state, JobLimits limits, Clock clock)
      throws IOException {
    Jobs jobs = new Jobs(engine, state, limits, clock);
    jobs.load();
    return jobs;
  }

  private synchronized void load() throws IOException {
    List<JobDescription> found = new ArrayList<>(state.readJobs());
    found.sort(JobDescription.NEWEST_FIRST.reversed());
    Set<String> needed = new HashSet<>();
    for (JobDescription description : found) {
      JobDirectory directory = state.job(description.id());
      Job job =
          isTerminal(description.state())
              ? Job.finished(description, directory, clock)
              : Job.interrupted(description, directory, limits.logBytes(), clock);
      jobs.put(job.id(), job);
      jobOfPreparation.put(description.preparationId(), job.id());
      needed.addAll(description.artifacts());
    }
    blobs.sweep(needed);
    forgetOld();
  }

  /** Checks a pipeline and keeps it to be staged and run. */
  public Preparation prepare(String requestedName, Pipeline pipeline, Struct options) {
    int size = pipeline.getSerializedSize();
    if (size > limits.pipelineBytes()) {
      throw new RefusedException(
          Reason.TOO_LARGE,
          "the pipeline has "
              + size
              + " bytes; this service takes at most "
              + limits.pipelineBytes()
              + " (max-pipeline-size)");
    }
    List<String> problems = new ArrayList<>(ArtifactNames.problems(pipeline.getComponents()));
    if (!problems.isEmpty()) {
      problems.addAll(engine.check(pipeline));
      throw new RefusedException(Reason.INVALID, refusal(problems));
    }
    synchronized (this) {
      refuseWhenStopping();
    }
    Instant now = clock.instant();
    String name = JobNames.name(requestedName, options);
    String jobId = JobNames.jobId(name, now);
    Preparation preparation =
        new Preparation(
            "prep-" + JobNames.token(12),
            JobNames.token(16),
            jobId,
            name,
            options,
            now,
            pipeline,
            engineJob(jobId, pipeline, options),
            blobs);
    synchronized (this) {
      if (stopping) {
        preparation.discard();
      }
      refuseWhenStopping();
      preparations.put(preparation.id(), preparation);
      forgetPreparations();
    }
    return preparation;
  }

  private PreparedJob engineJob(String jobId, Pipeline pipeline, Struct options) {
    try {
      return engine.prepare(jobId, pipeline, options);
    } catch (InvalidPipelineException e) {
      throw new RefusedException(Reason.INVALID, refusal(e.problems()));
    }
  }

  private static String refusal(List<String> problems) {
    if (problems.size() == 1) {
      return "the pipeline cannot run: " + problems.get(0);
    }
    return "the pipeline cannot run, for "
        + problems.size()
        + " reasons:\n- "
        + String.join("\n- ", problems);
  }

  /** Finds a preparation by its staging token. */
  public synchronized Preparation preparationByToken(String token) {
    return preparations.values().stream()
        .filter(preparation -> preparation.stagingToken().equals(token))
        .findFirst()
        .orElseThrow(
            () ->
                new RefusedException(
                    Reason.NOT_FOUND, "no job waits for artifacts under the given staging token"));
  }

  /** Starts to stage a preparation's artifacts. */
  public Staging stage(Preparation preparation) {
    return preparation.stage(limits.artifacts());
  }

  /** Runs a preparation, once. */
  public Job run(String preparationId) {
    Preparation preparation;
    Job job;
    synchronized (this) {
      refuseWhenStopping();
      preparation = preparations.remove(preparationId);
      if (preparation == null) {
        throw notPrepared(preparationId);
      }
      job = register(preparation);
    }
    var unused = job.settled().thenRun(this::forgetOld).thenRun(afterEach);
    try {
      job.started(preparation.start(job));
      job.persist();
    } catch (IOException | RuntimeException e) {
      logger.error("job {} cannot be started", job.id(), e);
      preparation.discard();
      job.giveUp("the job cannot be started: " + e.getMessage());
    }
    return job;
  }

  /**
   * Has something run after each job that is run from now on, when nothing of it is held any more.
   */
  public void afterEach(Runnable action) {
    afterEach = action;
  }

  private Job register(Preparation preparation) {
    String id = preparation.jobId();
    JobDirectory directory = state.job(id);
    Job job =
        Job.create(
            new JobDescription(
                id,
                preparation.jobName(),
                preparation.id(),
                preparation.options(),
                List.of(),
                preparation.artifacts().digests()),
            preparation.time(),
            preparation.pipeline(),
            directory,
            EventLog.create(directory.events(), limits.logBytes()),
            clock);
    jobs.put(id, job);
    jobOfPreparation.put(preparation.id(), id);
    return job;
  }

  private RefusedException notPrepared(String preparationId) {
    String job = jobOfPreparation.get(preparationId);
    if (job != null) {
      return new RefusedException(
          Reason.NOT_NOW,
          "preparation '" + preparationId + "' was run already, as job '" + job + "'");
    }
    return new RefusedException(
        Reason.NOT_FOUND,
        "no preparation '"
            + preparationId
            + "': it was never made, or expired (preparation-timeout)");
  }

  private void refuseWhenStopping() {
    if (stopping) {
      throw new RefusedException(Reason.STOPPING, "the service is stopping");
    }
  }

  /** Finds a job by its id. */
  public synchronized Job job(String id) {
    Job job = jobs.get(id);
    if (job != null) {
      return job;
    }
    String hint = preparations.containsKey(id) ? " (that is a preparation, not yet run)" : "";
    throw new RefusedException(Reason.NOT_FOUND, "no job '" + id + "'" + hint);
  }

  /** All jobs, the newest first. */
  public List<Job> all() {
    List<Job> all;
    synchronized (this) {
      all = new ArrayList<>(jobs.values());
    }
    all.sort(Comparator.comparing(Job::description, JobDescription.NEWEST_FIRST));
    return all;
  }

  /** The current time of the jobs. */
  public Instant now() {
    return clock.instant();
  }

  /** Explains a pipeline as the engine would run it. */
  public String explain(Pipeline pipeline) {
    return engine.explain(pipeline);
  }

  /** Forgets preparations that waited too long, with their artifacts. Called now and then. */
  public synchronized void forgetPreparations() {
    Instant oldest = clock.instant().minus(limits.preparationTimeout());
    long waiting = preparations.values().stream().mapToLong(Preparation::bytes).sum();
    Set<String> unneeded = new HashSet<>();
    for (var eldest = preparations.values().iterator(); eldest.hasNext(); ) {
      Preparation preparation = eldest.next();
      boolean tooMany = waiting > limits.waitingBytes() && eldest.hasNext();
      if (!tooMany && !preparation.time().isBefore(oldest)) {
        break;
      }
      waiting -= preparation.bytes();
      unneeded.addAll(preparation.artifacts().digests());
      preparation.discard();
      eldest.remove();
    }
    deleteUnneeded(unneeded);
  }

  private void deleteUnneeded(Set<String> digests) {
    if (digests.isEmpty()) {
      return;
    }
    Set<String> unneeded = new HashSet<>(digests);
    jobs.values().forEach(job -> unneeded.removeAll(job.description().artifacts()));
    preparations.values().forEach(waiting -> unneeded.removeAll(waiting.artifacts().digests()));
    unneeded.forEach(blobs::delete);
  }

  /** Forgets the oldest finished jobs over the retention, with their files and artifacts. */
  private synchronized void forgetOld() {
    List<Job> finished =
        new ArrayList<>(jobs.values().stream().filter(job -> job.settled().isDone()).toList());
    int tooMany = finished.size() - limits.retention();
    if (tooMany <= 0) {
      return;
    }
    finished.sort(Comparator.comparing(Job::description, JobDescription.NEWEST_FIRST.reversed()));
    Set<String> unneeded = new HashSet<>();
    for (Job job : finished.subList(0, tooMany)) {
      JobDescription description = job.description();
      jobs.remove(description.id());
      jobOfPreparation.remove(description.preparationId());
      unneeded.addAll(description.artifacts());
      state.deleteJob(description.id());
    }
    deleteUnneeded(unneeded);
  }

  /**
   * Stops: takes no more jobs, cancels the running ones and waits for them. Those that do not end
   * in time are failed.
   */
  public void stop(Duration patience) {
    List<Job> running;
    synchronized (this) {
      stopping = true;
      preparations.values().forEach(Preparation::discard);
      preparations.clear();
      running = jobs.values().stream().filter(job -> !isTerminal(job.state())).toList();
    }
    running.forEach(Job::cancel);
    if (!await(running.stream().map(Job::terminal), patience)) {
      logger.warn("some jobs did not stop within {}", patience);
    }
    running.forEach(job -> job.fail("service stopped"));
  }

  /** Waits till nothing of any job is written any more; called when the engine is closed. */
  public void awaitSettled(Duration patience) {
    if (!await(all().stream().map(Job::settled), patience)) {
      logger.warn("files of some jobs were not written within {}", patience);
    }
  }

  private static boolean await(Stream<CompletableFuture<?>> ends, Duration patience) {
    try {
      CompletableFuture.allOf(ends.toArray(CompletableFuture<?>[]::new))
          .get(patience.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException | ExecutionException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  @Override
  public void close() {
    stop(Duration.ZERO);
  }

  /** Whether nothing has been prepared that could run, and nothing runs. */
  public boolean isIdle() {
    synchronized (this) {
      if (!preparations.isEmpty()) {
        return false;
      }
    }
    return running() == 0;
  }

  /** How many jobs are not in a terminal state. */
  public long running() {
    return all().stream().map(Job::state).filter(s -> !isTerminal(s)).count();
  }
}
