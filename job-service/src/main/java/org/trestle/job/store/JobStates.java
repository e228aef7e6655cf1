package org.trestle.job.store;

import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;

/** The state diagram of a job. */
public final class JobStates {
  private JobStates() {}

  /** Tells whether a job in this state will never leave it. */
  public static boolean isTerminal(JobState.Enum state) {
    return switch (state) {
      case DONE, FAILED, CANCELLED, UPDATED, DRAINED -> true;
      case UNSPECIFIED, STOPPED, RUNNING, DRAINING, STARTING, CANCELLING, UPDATING, UNRECOGNIZED ->
          false;
    };
  }

  /** Tells whether a job may go from one state to another. */
  public static boolean mayFollow(JobState.Enum from, JobState.Enum to) {
    if (isTerminal(from) || from == to) {
      return false;
    }
    return switch (to) {
      case DONE, FAILED, CANCELLED, UPDATED, DRAINED -> true;
      case STARTING -> from == JobState.Enum.STOPPED;
      case RUNNING -> from == JobState.Enum.STOPPED || from == JobState.Enum.STARTING;
      case CANCELLING -> true;
      case DRAINING, UPDATING -> from == JobState.Enum.STARTING || from == JobState.Enum.RUNNING;
      case STOPPED, UNSPECIFIED, UNRECOGNIZED -> false;
    };
  }
}
