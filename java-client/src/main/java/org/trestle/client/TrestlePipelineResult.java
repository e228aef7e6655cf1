package org.trestle.client;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.beam.model.jobmanagement.v1.JobApi;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.metrics.MetricResults;
import org.joda.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A job that a service runs. Safe for any thread.
 *
 * <p>A thread of its own follows the job until it ends, then fetches its last metrics and lets go
 * of the service. With LOOPBACK workers that thread keeps the process, which holds the user's code.
 */
public final class TrestlePipelineResult implements PipelineResult {
  private static final Logger LOG = LoggerFactory.getLogger(TrestlePipelineResult.class);

  private final JobServiceClient service;
  private final String jobId;
  private final Map<String, String> stepNames;

  /** Completes when the job has ended and all that was held for it is closed. */
  private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();

  private record Outcome(JobFollower.End end, MetricResults metrics) {}

  private TrestlePipelineResult(
      JobServiceClient service, String jobId, Map<String, String> stepNames) {
    this.service = service;
    this.jobId = jobId;
    this.stepNames = stepNames;
  }

  /**
   * Takes over a job that runs, with the client that started it and, with LOOPBACK, its workers.
   */
  static TrestlePipelineResult follow(
      JobServiceClient service,
      String jobId,
      Map<String, String> stepNames,
      JobFollower.Patience patience,
      @Nullable LoopbackWorkers workers) {
    TrestlePipelineResult result = new TrestlePipelineResult(service, jobId, stepNames);
    JobFollower follower = new JobFollower(service, jobId, patience);
    Thread thread =
        new Thread(() -> result.followToTheEnd(follower, workers), "trestle-job-" + jobId);
    thread.setDaemon(workers == null);
    thread.start();
    return result;
  }

  private void followToTheEnd(JobFollower follower, @Nullable LoopbackWorkers workers) {
    Outcome known = null;
    Throwable failure = null;
    try (service;
        workers) {
      follower.run();
      known = new Outcome(follower.end().join(), lastMetrics());
    } catch (CompletionException e) {
      failure = e.getCause();
    } catch (RuntimeException e) {
      failure = e;
    }
    if (known != null) {
      outcome.complete(known);
    } else {
      outcome.completeExceptionally(failure);
    }
  }

  private MetricResults lastMetrics() {
    try {
      return fetchMetrics();
    } catch (JobServiceException e) {
      LOG.warn("job {} has ended; its metrics are not to be had", jobId, e);
      return new JobMetrics(JobApi.MetricResults.getDefaultInstance(), stepNames);
    }
  }

  private JobMetrics fetchMetrics() {
    return new JobMetrics(service.metrics(jobId), stepNames);
  }

  /** The job's id at the service, as in {@code trestle show ID}. */
  public String jobId() {
    return jobId;
  }

  /** How the job ended, or null if it has not or contact to it was lost. */
  private @Nullable Outcome known() {
    return outcome.isCompletedExceptionally() ? null : outcome.getNow(null);
  }

  /**
   * {@inheritDoc}
   *
   * <p>UNKNOWN when contact to the service was lost: the job may still run.
   *
   * @throws JobServiceException if the service does not answer
   */
  @Override
  public State getState() {
    if (outcome.isCompletedExceptionally()) {
      return State.UNKNOWN;
    }
    Outcome known = known();
    return known != null ? stateOf(known.end().state()) : stateOf(service.state(jobId));
  }

  /**
   * Asks the service to stop the job; a job that has ended stays as it is.
   *
   * @return the state after the request, which need not be terminal yet
   * @throws JobServiceException if the service refuses or does not answer
   */
  @Override
  public State cancel() {
    Outcome known = known();
    return known != null ? stateOf(known.end().state()) : stateOf(service.cancel(jobId));
  }

  /**
   * Asks the service to end the sources of a streaming job and to finish what it has read.
   *
   * @return the state after the request
   * @throws JobServiceException if the service refuses, as it does for a job that has ended
   */
  public State drain() {
    return stateOf(service.drain(jobId));
  }

  /**
   * Waits until the job has ended, without a limit.
   *
   * @throws JobFailedException if it failed; the message has the text of the user's exception
   * @throws JobServiceException if contact to the service was lost
   */
  @Override
  public State waitUntilFinish() {
    return waitUntilFinish(Duration.ZERO);
  }

  /**
   * Waits until the job has ended.
   *
   * @param duration at most this long; without a limit if less than a millisecond
   * @return the terminal state, or null if the time ran out
   * @throws JobFailedException if it failed; the message has the text of the user's exception
   * @throws JobServiceException if contact to the service was lost
   */
  @Override
  @SuppressWarnings("NullAway") // null is what Beam's contract wants for a wait that ran out
  public State waitUntilFinish(Duration duration) {
    try {
      Outcome ended =
          duration.getMillis() < 1
              ? outcome.get()
              : outcome.get(duration.getMillis(), TimeUnit.MILLISECONDS);
      if (ended.end().state() == JobState.Enum.FAILED) {
        String error = ended.end().error();
        throw new JobFailedException(jobId, error == null ? "the service gave no reason" : error);
      }
      return stateOf(ended.end().state());
    } catch (TimeoutException e) {
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for job " + jobId, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof JobServiceException lost) {
        throw lost;
      }
      throw new IllegalStateException("job " + jobId + " cannot be followed", e.getCause());
    }
  }

  /**
   * The job's user metrics: of this moment while it runs, its last ones when it has ended.
   *
   * @throws JobServiceException if the service does not answer
   */
  @Override
  public MetricResults metrics() {
    Outcome known = known();
    return known != null ? known.metrics() : fetchMetrics();
  }

  static State stateOf(JobState.Enum state) {
    return switch (state) {
      case STOPPED -> State.STOPPED;
      case DONE, DRAINED -> State.DONE;
      case FAILED -> State.FAILED;
      case CANCELLED -> State.CANCELLED;
      case UPDATED -> State.UPDATED;
      case STARTING, RUNNING, DRAINING, CANCELLING, UPDATING -> State.RUNNING;
      default -> State.UNKNOWN;
    };
  }

  @Override
  public String toString() {
    return "job " + jobId;
  }
}
