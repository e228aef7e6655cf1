package org.trestle.engine.execute;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;

/**
 * Told what happens to a job, one call at a time.
 *
 * <p>A failed job's error message comes as {@link MessageImportance#JOB_MESSAGE_ERROR} before its
 * terminal state, as clients expect.
 */
public interface JobListener {
  void state(JobState.Enum state);

  void message(MessageImportance importance, String text);

  /** A log entry of a harness, with transform and instruction as the SDK gave them. */
  void log(String workerId, LogEntry entry);
}
