package org.trestle.client;

import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.StatusRuntimeException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a job's messages and states until it ends; logs the messages.
 *
 * <p>A stream that breaks is opened again, for as long as the service's silence may last. One
 * thread runs it; {@link #end()} is safe for any.
 */
final class JobFollower implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(JobFollower.class);
  private static final Duration LATE_ERROR = Duration.ofSeconds(10);

  private final JobServiceClient service;
  private final String jobId;
  private final Patience patience;
  private final CompletableFuture<End> end = new CompletableFuture<>();
  private long messagesSeen;
  private boolean silent;
  private long silentSince;
  private @Nullable String error;
  private JobState.@Nullable Enum terminal;

  /** How a job ended, and the service's last error message if it gave one. */
  record End(JobState.Enum state, @Nullable String error) {}

  /** How long a service may be out of reach, and how long to wait between two tries. */
  record Patience(Duration silence, Duration pause) {}

  JobFollower(JobServiceClient service, String jobId, Patience patience) {
    this.service = service;
    this.jobId = jobId;
    this.patience = patience;
  }

  /**
   * The end of the job; fails with {@link JobServiceException} if contact to the service is lost.
   */
  CompletableFuture<End> end() {
    return end;
  }

  static boolean isTerminal(JobState.Enum state) {
    return switch (state) {
      case DONE, FAILED, CANCELLED, UPDATED, DRAINED -> true;
      default -> false;
    };
  }

  @Override
  public void run() {
    try {
      JobState.Enum state = follow();
      if (state == JobState.Enum.FAILED && error == null) {
        readLateError();
      }
      end.complete(new End(state, error));
    } catch (JobServiceException e) {
      end.completeExceptionally(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      end.completeExceptionally(
          new JobServiceException("interrupted while following job " + jobId, e));
    } catch (RuntimeException e) {
      LOG.error("job {} cannot be followed any more", jobId, e);
      end.completeExceptionally(
          new JobServiceException("job " + jobId + " cannot be followed any more: " + e, e));
    }
  }

  /** Reads until the job has ended; returns how. */
  private JobState.Enum follow() throws InterruptedException {
    while (true) {
      try {
        read(service.messages(jobId));
        if (terminal == null) {
          noteState(service.state(jobId)); // the stream ended without saying how
        }
      } catch (StatusRuntimeException e) {
        mayTryAgain(e, e.getStatus());
      } catch (JobServiceException e) {
        mayTryAgain(e, Status.fromThrowable(e));
      }
      if (terminal != null) {
        return terminal;
      }
      TimeUnit.MILLISECONDS.sleep(patience.pause().toMillis());
    }
  }

  private void mayTryAgain(RuntimeException e, Status status) {
    long now = System.nanoTime();
    if (!silent) {
      silent = true;
      silentSince = now;
    }
    boolean patient = now - silentSince < patience.silence().toNanos();
    boolean temporary =
        switch (status.getCode()) {
          case UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED -> true;
          default -> false;
        };
    if (!patient || !temporary) {
      throw new JobServiceException(
          "lost contact with the service of job "
              + jobId
              + ", which may still run: "
              + status.getCode()
              + ": "
              + status.getDescription(),
          e);
    }
    LOG.debug("the messages of job {} broke off, trying again", jobId, e);
  }

  /** Reads to the terminal state or the end of the stream. */
  private void read(Iterator<JobMessagesResponse> messages) {
    long position = 0;
    while (terminal == null && messages.hasNext()) {
      JobMessagesResponse response = messages.next();
      silent = false;
      if (response.hasStateResponse()) {
        noteState(response.getStateResponse().getState());
      } else if (response.hasMessageResponse() && ++position > messagesSeen) {
        messagesSeen = position; // a stream that was opened again begins with the first message
        note(response.getMessageResponse());
      }
    }
  }

  private void noteState(JobState.Enum state) {
    if (isTerminal(state)) {
      terminal = state;
    }
  }

  private void note(JobMessage message) {
    String text = message.getMessageText();
    switch (message.getImportance()) {
      case JOB_MESSAGE_ERROR -> {
        error = text;
        LOG.error("{}", text);
      }
      case JOB_MESSAGE_WARNING -> LOG.warn("{}", text);
      case JOB_MESSAGE_BASIC -> LOG.info("{}", text);
      default -> LOG.debug("{}", text);
    }
  }

  /** Some services send the error after the state. */
  private void readLateError() {
    try {
      Iterator<JobMessagesResponse> messages = service.messages(jobId, LATE_ERROR);
      while (error == null && messages.hasNext()) {
        JobMessage message = messages.next().getMessageResponse();
        if (message.getImportance() == MessageImportance.JOB_MESSAGE_ERROR) {
          error = message.getMessageText();
        }
      }
    } catch (StatusRuntimeException e) {
      LOG.debug("job {} gave no error", jobId, e);
    }
  }
}
