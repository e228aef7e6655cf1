package org.trestle.client;

import org.apache.beam.sdk.Pipeline.PipelineExecutionException;

/**
 * A job ended as FAILED. The message is the service's reason, and with it the text and stack of the
 * exception that the user's code threw.
 */
public final class JobFailedException extends PipelineExecutionException {
  private static final long serialVersionUID = 1L;

  private final String jobId;

  JobFailedException(String jobId, String reason) {
    super(new RuntimeException("job " + jobId + " failed: " + reason));
    this.jobId = jobId;
  }

  /** The job's id at the service, as in {@code trestle show ID}. */
  public String jobId() {
    return jobId;
  }

  @Override
  public String getMessage() {
    Throwable cause = getCause();
    return cause == null ? "job " + jobId + " failed" : String.valueOf(cause.getMessage());
  }
}
