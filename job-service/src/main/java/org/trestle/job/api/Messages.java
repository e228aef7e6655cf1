package org.trestle.job.api;

import com.google.protobuf.Timestamp;
import java.time.Instant;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessagesResponse;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobStateEvent;
import org.jspecify.annotations.Nullable;
import org.trestle.job.event.JobEvent;
import org.trestle.job.event.Severity;

/** Events as the job API tells them. */
final class Messages {
  private Messages() {}

  static @Nullable JobStateEvent stateOnly(JobEvent event) {
    return event instanceof JobEvent.StateChange change ? state(change) : null;
  }

  static JobMessagesResponse response(JobEvent event) {
    JobMessagesResponse.Builder response = JobMessagesResponse.newBuilder();
    if (event instanceof JobEvent.StateChange change) {
      return response.setStateResponse(state(change)).build();
    }
    JobMessage.Builder message =
        response
            .getMessageResponseBuilder()
            .setMessageId(Long.toString(event.sequence()))
            .setTime(event.time().toString());
    if (event instanceof JobEvent.Message told) {
      message.setImportance(told.importance()).setMessageText(told.text());
    } else if (event instanceof JobEvent.Log log) {
      message.setImportance(importance(log.severity())).setMessageText(log.line());
    }
    return response.build();
  }

  static JobStateEvent state(JobEvent.StateChange change) {
    return JobStateEvent.newBuilder()
        .setState(change.state())
        .setTimestamp(timestamp(change.time()))
        .build();
  }

  private static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder()
        .setSeconds(time.getEpochSecond())
        .setNanos(time.getNano())
        .build();
  }

  /**
   * The importance of a log entry. Errors of harnesses are warnings here: clients take the first
   * (Java) or the last (Python, Go) error message for the reason of the job's failure, and that one
   * comes from the engine. The text still names the severity.
   */
  static MessageImportance importance(Severity severity) {
    return switch (severity) {
      case UNSPECIFIED, INFO, NOTICE -> MessageImportance.JOB_MESSAGE_BASIC;
      case TRACE, DEBUG -> MessageImportance.JOB_MESSAGE_DEBUG;
      case WARN, ERROR, CRITICAL -> MessageImportance.JOB_MESSAGE_WARNING;
    };
  }
}
