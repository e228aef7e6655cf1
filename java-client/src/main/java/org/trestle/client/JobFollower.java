package org.trestle.client;

import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
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
  private final CountDownLatch stopped = new CountDownLatch(1);
  private long messagesSeen;
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
      follow();
      JobState.Enum state = terminal;
      if (state == null) {
        throw new JobServiceException("job " + jobId + " is followed no longer", null);
      }
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

  private void follow() throws InterruptedException {
    long lastContact = System.nanoTime();
    while (terminal == null) {
      try {
        if (read(service.messages(jobId))) {
          lastContact = System.nanoTime();
        }
        if (terminal == null) {
          noteState(service.state(jobId)); // the stream ended without saying how
        }
      } catch (StatusRuntimeException e) {
        mayTryAgain(e, e.getStatus(), lastContact);
      } catch (JobServiceException e) {
        mayTryAgain(e, Status.fromThrowable(e), lastContact);
      }
      if (terminal == null && stopped.await(patience.pause().toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    }
  }

  private void mayTryAgain(RuntimeException e, Status status, long lastContact) {
    boolean patient = System.nanoTime() - lastContact < patience.silence().toNanos();
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

  /** Reads to the terminal state or the end of the stream; says whether anything came. */
  private boolean read(Iterator<JobMessagesResponse> messages) {
    long position = 0;
    boolean any = false;
    while (terminal == null && messages.hasNext()) {
      JobMessagesResponse response = messages.next();
      any = true;
      if (response.hasStateResponse()) {
        noteState(response.getStateResponse().getState());
      } else if (response.hasMessageResponse() && ++position > messagesSeen) {
        messagesSeen = position; // a stream that was opened again begins with the first message
        note(response.getMessageResponse());
      }
    }
    return any;
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

  /** Makes the thread that runs this end soon, if it is between two streams. */
  void stop() {
    stopped.countDown();
  }
}
