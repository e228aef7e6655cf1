package org.trestle.engine.execute;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;

/** Hands calls from any thread to a listener one at a time. */
final class SerialJobListener implements JobListener {
  private final JobListener target;

  SerialJobListener(JobListener target) {
    this.target = target;
  }

  @Override
  public synchronized void state(JobState.Enum state) {
    target.state(state);
  }

  @Override
  public synchronized void message(MessageImportance importance, String text) {
    target.message(importance, text);
  }

  @Override
  public synchronized void log(String workerId, LogEntry entry) {
    target.log(workerId, entry);
  }
}
