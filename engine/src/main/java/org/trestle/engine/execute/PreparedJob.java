package org.trestle.engine.execute;

import org.trestle.engine.execute.Engine.JobSpec;

/** A job that has been checked and planned, and can be started. Safe for use by several threads. */
public interface PreparedJob {

  /**
   * Starts the job, once; returns at once. Problems found later end the job as failed.
   *
   * @param job its pipeline is the prepared one, but for what was staged for its environments
   * @param listener told of state changes, messages and logs from any thread, one at a time
   * @throws IllegalStateException if the job was started or discarded before
   */
  JobExecution start(JobSpec job, JobListener listener);

  /** Lets go of a job that will not be started; idempotent, nothing if it was started. */
  void discard();
}
