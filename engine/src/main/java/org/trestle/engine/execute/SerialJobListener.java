package org.trestle.engine.execute;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands calls from any thread to a listener one at a time. A listener that throws misses the call,
 * and the job goes on.
 */
final class SerialJobListener implements JobListener {
  private static final Logger logger = LoggerFactory.getLogger(SerialJobListener.class);

  private final JobListener target;

  SerialJobListener(JobListener target) {
    this.target = target;
  }

  @Override
  public synchronized void state(JobState.Enum state) {
    tell(() -> target.state(state));
  }

  @Override
  public synchronized void message(MessageImportance importance, String text) {
    tell(() -> target.message(importance, text));
  }

  @Override
  public synchronized void log(String workerId, LogEntry entry) {
    tell(() -> target.log(workerId, entry));
  }

  private static void tell(Runnable call) {
    try {
      call.run();
    } catch (RuntimeException failure) {
      logger.warn("a job's listener failed", failure);
    }
  }
}
