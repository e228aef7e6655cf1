package org.trestle.job.event;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;

/** How serious a log entry is, from the least to the most. */
public enum Severity {
  UNSPECIFIED,
  TRACE,
  DEBUG,
  INFO,
  NOTICE,
  WARN,
  ERROR,
  CRITICAL;

  /** Converts the Fn API's severity. */
  public static Severity from(LogEntry.Severity.Enum severity) {
    return switch (severity) {
      case TRACE -> TRACE;
      case DEBUG -> DEBUG;
      case INFO -> INFO;
      case NOTICE -> NOTICE;
      case WARN -> WARN;
      case ERROR -> ERROR;
      case CRITICAL -> CRITICAL;
      case UNSPECIFIED, UNRECOGNIZED -> UNSPECIFIED;
    };
  }
}
