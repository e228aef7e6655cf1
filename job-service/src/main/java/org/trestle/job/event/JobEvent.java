package org.trestle.job.event;

import static java.util.stream.Collectors.joining;

import java.time.Instant;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;

/** Something that happened to a job. */
public sealed interface JobEvent {

  /** Position in the job's history; grows by one with each event. */
  long sequence();

  /** When the service learned of it; for log entries, when the harness wrote it. */
  Instant time();

  /** Returns the same event at another position. */
  JobEvent at(long sequence);

  /** The job entered a state. */
  record StateChange(long sequence, Instant time, JobState.Enum state) implements JobEvent {
    @Override
    public StateChange at(long newSequence) {
      return new StateChange(newSequence, time, state);
    }
  }

  /** The runner tells something to the job's user. */
  record Message(long sequence, Instant time, MessageImportance importance, String text)
      implements JobEvent {
    @Override
    public Message at(long newSequence) {
      return new Message(newSequence, time, importance, text);
    }
  }

  /**
   * A harness logged something.
   *
   * @param worker id of the worker
   * @param transform id of the transform, or empty
   * @param instruction id of the instruction, or empty
   * @param location file and line, or empty
   * @param thread name of the thread, or empty
   * @param text the message, followed by the stack trace if there is one
   */
  record Log(
      long sequence,
      Instant time,
      Severity severity,
      String worker,
      String transform,
      String instruction,
      String location,
      String thread,
      String text)
      implements JobEvent {
    /** How {@link #line} starts when a worker of this service wrote it. */
    private static final Pattern LINE =
        Pattern.compile(
            "\\b(?:"
                + Stream.of(Severity.values()).map(Severity::name).collect(joining("|"))
                + ") w-[0-9a-f]{40}\\b");

    @Override
    public Log at(long newSequence) {
      return new Log(
          newSequence, time, severity, worker, transform, instruction, location, thread, text);
    }

    /** All of it in one text: severity, worker, transform, location, thread, message. */
    public String line() {
      StringBuilder line = new StringBuilder(severity.name());
      part(line, " ", worker);
      part(line, " ", transform);
      part(line, " ", location);
      part(line, " thread=", thread);
      return line.append(": ").append(text).toString();
    }

    private static void part(StringBuilder line, String before, String part) {
      if (!part.isEmpty()) {
        line.append(before).append(part);
      }
    }

    /**
     * Whether the entry only repeats another one's {@link #line}. A program that is client and
     * harness in one (LOOPBACK) may log the job's messages, and send what it logs as a harness:
     * each entry would come back as a longer one, without end.
     */
    public boolean isEcho() {
      return instruction.isEmpty() && LINE.matcher(text).find();
    }
  }
}
