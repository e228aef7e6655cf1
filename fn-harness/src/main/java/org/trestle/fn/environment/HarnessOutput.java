package org.trestle.fn.environment;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.Timestamp;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.WorkerSpec.LogSink;

/**
 * What a harness prints: lines go to the worker's log, as debug entries because harnesses print
 * what they also log, and the last ones explain an unexpected end. Safe for use by several threads.
 */
final class HarnessOutput {
  private static final Logger log = LoggerFactory.getLogger(HarnessOutput.class);

  private static final int TAIL_LINES = 20;
  private static final int MAX_TAIL_CHARS = 400;

  /** How long after the loss of a harness its end, which explains more, may be seen. */
  private static final long END_MILLIS = 1500;

  private final String workerId;
  private final String location;
  private final LogSink logs;

  @GuardedBy("tail")
  private final ArrayDeque<String> tail = new ArrayDeque<>();

  /**
   * @param location says in each entry where it comes from
   */
  HarnessOutput(String workerId, String location, LogSink logs) {
    this.workerId = workerId;
    this.location = location;
    this.logs = logs;
  }

  void printed(String line) {
    synchronized (tail) {
      tail.add(line.length() > MAX_TAIL_CHARS ? line.substring(0, MAX_TAIL_CHARS) + "…" : line);
      if (tail.size() > TAIL_LINES) {
        tail.remove();
      }
    }
    log(LogEntry.Severity.Enum.DEBUG, line);
  }

  /** Adds an entry that the harness did not print itself. */
  void log(LogEntry.Severity.Enum severity, String message) {
    Instant now = Instant.now();
    try {
      logs.log(
          workerId,
          LogEntry.newBuilder()
              .setSeverity(severity)
              .setTimestamp(
                  Timestamp.newBuilder().setSeconds(now.getEpochSecond()).setNanos(now.getNano()))
              .setLogLocation(location)
              .setMessage(message)
              .build());
    } catch (RuntimeException e) {
      log.warn("log sink failed, worker={}", workerId, e);
    }
  }

  /**
   * Explains the loss of a harness by its end, if that is seen soon, else by what is known.
   *
   * @param ended how the harness ended, in a clause
   * @param how it was lost
   */
  CompletableFuture<String> explain(CompletableFuture<String> ended, String how) {
    return ended
        .exceptionally(failure -> how)
        .completeOnTimeout(how + tail(), END_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Returns the last lines, as the end of a sentence; empty if there are none. */
  String tail() {
    synchronized (tail) {
      return tail.isEmpty() ? "" : "; its last output:\n" + String.join("\n", tail);
    }
  }
}
