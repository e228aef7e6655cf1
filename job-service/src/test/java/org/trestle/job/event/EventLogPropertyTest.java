package org.trestle.job.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;

/**
 * Apart from {@link EventLogTest}: reports of two test engines on one class overwrite each other.
 */
final class EventLogPropertyTest {
  private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.678Z");
  private static final long LARGE = 1L << 30;

  /** However a reader's steps and the writes mix, it sees every event once and in order. */
  @Property(tries = 30)
  void readersSeeEveryEventOnceAndInOrder(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 1500) int count) throws IOException {
    Path events = Files.createTempDirectory("events");
    Random random = new Random(seed);
    EventLog log = EventLog.create(events, LARGE);
    List<EventCursor> readers = new ArrayList<>();
    List<List<JobEvent>> seen = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      log.append(message("y".repeat(random.nextInt(40) == 0 ? 70_000 : random.nextInt(50)) + i));
      if (readers.size() < 4 && random.nextInt(20) == 0) {
        readers.add(log.read());
        seen.add(new ArrayList<>());
      }
      if (!readers.isEmpty() && random.nextInt(4) == 0) {
        int reader = random.nextInt(readers.size());
        seen.get(reader).addAll(readers.get(reader).next(1 + random.nextInt(30)).events());
      }
    }
    log.close();
    for (int i = 0; i < readers.size(); i++) {
      drain(readers.get(i), seen.get(i));
      assertThat(seen.get(i).stream().map(JobEvent::sequence).toList())
          .isEqualTo(java.util.stream.LongStream.range(0, count).boxed().toList());
    }
    try (Stream<Path> files = Files.list(events)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(events);
  }

  private static JobEvent.Message message(String text) {
    return new JobEvent.Message(0, TIME, MessageImportance.JOB_MESSAGE_BASIC, text);
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
