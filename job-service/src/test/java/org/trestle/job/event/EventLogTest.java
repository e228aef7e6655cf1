package org.trestle.job.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EventLogTest {
  private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.678Z");
  private static final long LARGE = 1L << 30;

  @TempDir Path directory = Path.of(".");

  @Test
  void replaysEventsOfAllKindsUnchanged() {
    List<JobEvent> events =
        List.of(
            new JobEvent.StateChange(0, TIME, JobState.Enum.STOPPED),
            new JobEvent.Message(1, TIME, MessageImportance.JOB_MESSAGE_ERROR, "a \"b\"\n\u2028é"),
            new JobEvent.Log(
                2, TIME, Severity.CRITICAL, "worker", "transform", "i-1", "a.py:1", "main", "x\ny"),
            new JobEvent.Log(3, TIME, Severity.TRACE, "", "", "", "", "", ""),
            new JobEvent.StateChange(4, TIME, JobState.Enum.DONE));
    EventLog log = EventLog.create(directory.resolve("events"), LARGE);
    events.subList(0, 4).forEach(log::append);
    log.end((JobEvent.StateChange) events.get(4), states -> assertThat(states).hasSize(2));
    assertThat(readAll(log)).isEqualTo(events);
    assertThat(readAll(EventLog.open(directory.resolve("events"), log.states()))).isEqualTo(events);
  }

  @Test
  void tellsReadersOfEachEventAndTheEnd() {
    EventLog log = EventLog.create(directory.resolve("events"), LARGE);
    List<Integer> calls = new ArrayList<>();
    Runnable reader = () -> calls.add(calls.size());
    log.subscribe(reader);
    log.append(message("one"));
    log.close();
    log.append(message("too late"));
    assertThat(calls).hasSize(2);
    assertThat(readAll(log)).hasSize(1);
  }

  @Test
  void tellsALateReaderOfWhatIsNoLongerKept() throws IOException {
    EventLog log = EventLog.create(directory.resolve("events"), 64 << 10);
    log.append(new JobEvent.StateChange(0, TIME, JobState.Enum.STOPPED));
    log.append(new JobEvent.StateChange(0, TIME, JobState.Enum.RUNNING));
    for (int i = 0; i < 5000; i++) {
      log.append(message("message " + i));
    }
    log.end(new JobEvent.StateChange(0, TIME, JobState.Enum.DONE), states -> {});
    List<JobEvent> events = readAll(log);
    assertThat(events.stream().filter(JobEvent.StateChange.class::isInstance)).hasSize(3);
    assertThat(events.get(1)).asString().contains("messages are no longer kept");
    assertThat(events.get(events.size() - 2)).asString().contains("message 4999");
    assertThat(events.size()).isLessThan(2000);
    try (Stream<Path> files = Files.list(directory.resolve("events"))) {
      assertThat(files.mapToLong(file -> file.toFile().length()).sum()).isLessThan(80 << 10);
    }
  }

  @Test
  void goesOnAfterTheLastWholeEventOfADeadService() throws IOException {
    Path events = directory.resolve("events");
    EventLog dead = EventLog.create(events, LARGE);
    dead.append(new JobEvent.StateChange(0, TIME, JobState.Enum.STOPPED));
    dead.append(message("one"));
    Files.writeString(
        events.resolve("0000000000000000000.jsonl"),
        "{\"seq\":2,\"time\":\"2026-",
        StandardOpenOption.APPEND);
    EventLog log = EventLog.resume(events, LARGE);
    log.append(message("two"));
    log.end(new JobEvent.StateChange(0, TIME, JobState.Enum.FAILED), states -> {});
    assertThat(readAll(EventLog.open(events, log.states())))
        .containsExactly(
            new JobEvent.StateChange(0, TIME, JobState.Enum.STOPPED),
            message("one").at(1),
            message("two").at(2),
            new JobEvent.StateChange(3, TIME, JobState.Enum.FAILED));
  }

  @Test
  void keepsTheStatesOfAJobWhoseFilesAreLost() {
    List<JobEvent.StateChange> states =
        List.of(
            new JobEvent.StateChange(0, TIME, JobState.Enum.STOPPED),
            new JobEvent.StateChange(7, TIME, JobState.Enum.DONE));
    List<JobEvent> events = readAll(EventLog.open(directory.resolve("none"), states));
    assertThat(events).containsAll(states).hasSize(3);
    assertThat(events.get(2)).isEqualTo(states.get(1));
  }

  @Test
  void goesOnInMemoryWhenTheDiskRefuses() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "in the way");
    EventLog log = EventLog.create(file.resolve("events"), LARGE);
    log.append(message("one"));
    log.end(new JobEvent.StateChange(0, TIME, JobState.Enum.DONE), states -> {});
    assertThat(readAll(log)).hasSize(2);
  }

  @Test
  void shortensWhatNoClientWouldTake() {
    EventLog log = EventLog.create(directory.resolve("events"), LARGE);
    log.append(message("x".repeat(3 << 20)));
    log.close();
    assertThat(readAll(log))
        .singleElement()
        .satisfies(
            event ->
                assertThat(((JobEvent.Message) event).text())
                    .hasSizeLessThan((1 << 20) + 100)
                    .endsWith("more characters)"));
  }

  private static JobEvent.Message message(String text) {
    return new JobEvent.Message(0, TIME, MessageImportance.JOB_MESSAGE_BASIC, text);
  }

  private static List<JobEvent> readAll(EventLog log) {
    List<JobEvent> events = new ArrayList<>();
    drain(log.read(), events);
    return events;
  }

  private static void drain(EventCursor cursor, List<JobEvent> events) {
    EventCursor.Batch batch = cursor.next(100);
    while (!batch.ended()) {
      events.addAll(batch.events());
      batch = cursor.next(100);
    }
    cursor.close();
  }
}
