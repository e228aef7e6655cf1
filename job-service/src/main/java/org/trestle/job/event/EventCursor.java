package org.trestle.job.event;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.jspecify.annotations.Nullable;

/**
 * A reader of an {@link EventLog} at its own pace. For one thread at a time. What the log no longer
 * has is told in a message, so a slow reader knows of the gap; state changes are never missing.
 */
public final class EventCursor implements AutoCloseable {
  private static final int CHUNK = 64 * 1024;

  private final EventLog log;
  private long position;
  private @Nullable RandomAccessFile file;
  private long fileSegment = -1;
  private long fileOffset;

  EventCursor(EventLog log) {
    this.log = log;
  }

  /**
   * Events read.
   *
   * @param ended whether nothing will follow
   */
  public record Batch(List<JobEvent> events, boolean ended) {}

  /** Returns what there is, at most about {@code limit} events; empty if nothing is new. */
  public Batch next(int limit) {
    EventLog.View view = log.view(position, limit);
    if (!view.events().isEmpty()) {
      return advance(view.events());
    }
    if (position >= view.next()) {
      return new Batch(List.of(), view.closed());
    }
    Long segment = view.segment();
    if (segment == null || segment > position) {
      return gap(log.firstKept(position));
    }
    List<JobEvent> events = readFile(segment, view.segmentBytes());
    if (events.isEmpty()) {
      return gap(log.firstKept(segment + 1));
    }
    return advance(events);
  }

  private Batch advance(List<JobEvent> events) {
    List<JobEvent> fresh = new ArrayList<>(events.size());
    long expected = position;
    for (JobEvent event : events) {
      if (event.sequence() < position) {
        continue;
      }
      if (event.sequence() > expected) {
        fresh.addAll(missing(expected, event.sequence()));
      }
      fresh.add(event);
      expected = event.sequence() + 1;
    }
    position = expected;
    return new Batch(fresh, false);
  }

  private Batch gap(long to) {
    long target = Math.max(to, position + 1);
    List<JobEvent> events = missing(position, target);
    position = target;
    return new Batch(events, false);
  }

  private List<JobEvent> missing(long from, long to) {
    List<JobEvent> states = log.statesBetween(from, to);
    long lost = to - from - states.size();
    List<JobEvent> events = new ArrayList<>(states);
    if (lost > 0) {
      Instant time = states.isEmpty() ? Instant.EPOCH : states.get(states.size() - 1).time();
      int place = states.isEmpty() ? 0 : states.size() - 1;
      events.add(
          place,
          new JobEvent.Message(
              from,
              time,
              MessageImportance.JOB_MESSAGE_WARNING,
              lost + " messages are no longer kept: the log of a job is bounded (job-log-limit)"));
    }
    return events;
  }

  private List<JobEvent> readFile(long segment, long size) {
    List<JobEvent> events = new ArrayList<>();
    try {
      RandomAccessFile source = file;
      if (source == null || fileSegment != segment) {
        close();
        source = new RandomAccessFile(log.segment(segment).toFile(), "r");
        file = source;
        fileSegment = segment;
        fileOffset = 0;
      }
      while (events.isEmpty() && fileOffset < size) {
        byte[] lines = readLines(source, size);
        if (lines.length == 0) {
          return events;
        }
        parse(lines, events);
        fileOffset += lines.length;
      }
    } catch (IOException e) {
      events.clear();
      close();
    }
    return events;
  }

  private void parse(byte[] lines, List<JobEvent> events) throws IOException {
    for (String line : new String(lines, StandardCharsets.UTF_8).split("\n")) {
      JobEvent event = EventJson.read(line);
      if (event.sequence() >= position) {
        events.add(event);
      }
    }
  }

  /** Reads from the offset to the last line end within a chunk; longer if one line is. */
  private byte[] readLines(RandomAccessFile source, long size) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(CHUNK);
    byte[] chunk = new byte[CHUNK];
    long at = fileOffset;
    source.seek(at);
    while (at < size) {
      int count = source.read(chunk, 0, (int) Math.min(CHUNK, size - at));
      if (count < 0) {
        break;
      }
      int end = count;
      while (end > 0 && chunk[end - 1] != '\n') {
        end--;
      }
      if (end > 0) {
        bytes.write(chunk, 0, end);
        return bytes.toByteArray();
      }
      bytes.write(chunk, 0, count);
      at += count;
    }
    return new byte[0];
  }

  @Override
  public void close() {
    RandomAccessFile source = file;
    file = null;
    if (source != null) {
      try {
        source.close();
      } catch (IOException e) {
        fileSegment = -1;
      }
    }
  }
}
