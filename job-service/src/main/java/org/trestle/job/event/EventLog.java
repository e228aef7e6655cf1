package org.trestle.job.event;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The history of a job: append-only files of one JSON event a line, and the newest events in
 * memory. Both are bounded: the oldest file goes when the files are over their limit; state changes
 * are always kept. Safe for use by several threads.
 *
 * <p>A disk that refuses a write costs history, never the job: the log goes on in memory.
 */
public final class EventLog implements AutoCloseable {
  static final int MAX_TEXT = 1 << 20;
  private static final int SEGMENTS = 4;
  private static final int TAIL_EVENTS = 512;
  private static final long TAIL_CHARS = 1 << 20;
  private static final Logger logger = LoggerFactory.getLogger(EventLog.class);

  private final Path directory;
  private final long segmentLimit;
  private final List<Runnable> readers = new CopyOnWriteArrayList<>();

  // guarded by this
  private final TreeMap<Long, Long> segments = new TreeMap<>();
  private final TreeMap<Long, JobEvent> tail = new TreeMap<>();
  private final List<JobEvent.StateChange> states = new ArrayList<>();
  private long tailChars;
  private long next;
  private @Nullable OutputStream out;
  private boolean broken;
  private boolean closed;

  private EventLog(Path directory, long limitBytes) {
    this.directory = directory;
    this.segmentLimit = Math.max(1024, limitBytes / SEGMENTS);
  }

  /** Starts an empty log; the directory is made with the first event. */
  public static EventLog create(Path directory, long limitBytes) {
    return new EventLog(directory, limitBytes);
  }

  /**
   * Opens the log of a job whose service died, to go on after its last whole event. Reads all of
   * it.
   */
  public static EventLog resume(Path directory, long limitBytes) {
    EventLog log = new EventLog(directory, limitBytes);
    log.segments.putAll(open(directory, List.of()).segments);
    for (long first : log.segments.keySet()) {
      try (Stream<String> lines = Files.lines(log.segment(first))) {
        for (String line : (Iterable<String>) lines::iterator) {
          JobEvent event = EventJson.read(line);
          log.next = event.sequence() + 1;
          if (event instanceof JobEvent.StateChange change) {
            log.states.add(change);
          }
        }
      } catch (IOException | UncheckedIOException e) {
        logger.warn("log {} is damaged after event {}: {}", directory, log.next - 1, e.toString());
      }
    }
    return log;
  }

  /** The job's state changes so far. */
  public synchronized List<JobEvent.StateChange> states() {
    return List.copyOf(states);
  }

  /**
   * Opens the log of a finished job for reading. What is damaged or missing is left out.
   *
   * @param states the job's state changes, which are never left out
   */
  public static EventLog open(Path directory, List<JobEvent.StateChange> states) {
    EventLog log = new EventLog(directory, Long.MAX_VALUE);
    log.states.addAll(states);
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.matches("\\d{19}\\.jsonl")) {
          log.segments.put(Long.parseLong(name.substring(0, 19)), Files.size(file));
        }
      }
    } catch (IOException e) {
      logger.warn("log {} cannot be listed: {}", directory, e.toString());
    }
    log.next = states.isEmpty() ? 0 : states.get(states.size() - 1).sequence() + 1;
    log.closed = true;
    return log;
  }

  /**
   * Adds an event; its sequence is given here. Does nothing after {@link #close}.
   *
   * @return the event as stored, or null if the log is closed
   */
  public @Nullable JobEvent append(JobEvent unplaced) {
    JobEvent event;
    synchronized (this) {
      if (closed) {
        return null;
      }
      event = shorten(unplaced).at(next++);
      if (event instanceof JobEvent.StateChange change) {
        states.add(change);
      }
      remember(event);
      write(event);
    }
    readers.forEach(Runnable::run);
    return event;
  }

  /**
   * Adds the last event and ends the log, with nothing in between.
   *
   * @param beforeReaders called with the job's state changes, the last among them, before a reader
   *     can see it
   */
  public void end(
      JobEvent.StateChange unplaced, Consumer<List<JobEvent.StateChange>> beforeReaders) {
    synchronized (this) {
      if (closed) {
        return;
      }
      JobEvent.StateChange last = unplaced.at(next++);
      states.add(last);
      beforeReaders.accept(List.copyOf(states));
      remember(last);
      write(last);
      close();
    }
    readers.forEach(Runnable::run);
  }

  /** Ends the log: readers find its end after the last event. Idempotent. */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      closeSegment();
      if (!broken) {
        tail.clear();
      }
    }
    readers.forEach(Runnable::run);
  }

  /** Calls {@code onChange} after each event and at the end, from the appending thread. */
  public void subscribe(Runnable onChange) {
    readers.add(onChange);
  }

  /** Stops the calls. */
  public void unsubscribe(Runnable onChange) {
    readers.remove(onChange);
  }

  /** Returns a reader that starts with the first event. */
  public EventCursor read() {
    return new EventCursor(this);
  }

  private static JobEvent shorten(JobEvent event) {
    if (event instanceof JobEvent.Message message && message.text().length() > MAX_TEXT) {
      return new JobEvent.Message(
          0, message.time(), message.importance(), cut(message.text(), MAX_TEXT));
    }
    if (event instanceof JobEvent.Log log && log.text().length() > MAX_TEXT / 16) {
      return new JobEvent.Log(
          0,
          log.time(),
          log.severity(),
          log.worker(),
          log.transform(),
          log.instruction(),
          log.location(),
          log.thread(),
          cut(log.text(), MAX_TEXT / 16));
    }
    return event;
  }

  private static String cut(String text, int limit) {
    int end = Character.isHighSurrogate(text.charAt(limit - 1)) ? limit - 1 : limit;
    return text.substring(0, end) + "… (" + (text.length() - end) + " more characters)";
  }

  private void remember(JobEvent event) {
    tail.put(event.sequence(), event);
    tailChars += size(event);
    while (!tail.isEmpty() && (tail.size() > TAIL_EVENTS || tailChars > TAIL_CHARS)) {
      Map.Entry<Long, JobEvent> oldest = tail.pollFirstEntry();
      tailChars -= oldest == null ? 0 : size(oldest.getValue());
    }
  }

  private static int size(JobEvent event) {
    if (event instanceof JobEvent.Message message) {
      return message.text().length();
    }
    return event instanceof JobEvent.Log log ? log.text().length() + 200 : 100;
  }

  private void write(JobEvent event) {
    if (broken) {
      return;
    }
    try {
      byte[] line = (EventJson.write(event) + "\n").getBytes(StandardCharsets.UTF_8);
      Long current = segments.isEmpty() ? null : segments.lastKey();
      if (out == null
          || current == null
          || segments.getOrDefault(current, 0L) + line.length > segmentLimit) {
        roll(event.sequence());
      }
      OutputStream target = out;
      if (target != null) {
        target.write(line);
        segments.merge(segments.lastKey(), (long) line.length, Long::sum);
      }
    } catch (IOException e) {
      broken = true;
      closeSegment();
      logger.error(
          "log {} goes on in memory only, the disk refused it: {}", directory, e.toString());
    }
  }

  private void roll(long first) throws IOException {
    closeSegment();
    Files.createDirectories(directory);
    out =
        Files.newOutputStream(
            segment(first), StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
    segments.put(first, 0L);
    while (segments.size() > SEGMENTS) {
      Map.Entry<Long, Long> oldest = segments.pollFirstEntry();
      if (oldest != null) {
        Files.deleteIfExists(segment(oldest.getKey()));
      }
    }
  }

  private void closeSegment() {
    OutputStream target = out;
    out = null;
    if (target != null) {
      try {
        target.close();
      } catch (IOException e) {
        logger.warn("log {}: {}", directory, e.toString());
      }
    }
  }

  Path segment(long first) {
    return directory.resolve(String.format("%019d.jsonl", first));
  }

  /** What a reader at {@code position} can have now. */
  synchronized View view(long position, int limit) {
    if (!tail.isEmpty() && position >= tail.firstKey()) {
      List<JobEvent> events = tail.tailMap(position).values().stream().limit(limit).toList();
      return new View(events, null, 0, next, closed);
    }
    if (position >= next) {
      return new View(List.of(), null, 0, next, closed);
    }
    Map.Entry<Long, Long> segment = segments.floorEntry(position);
    if (segment == null) {
      segment = segments.firstEntry();
    }
    return new View(
        List.of(),
        segment == null ? null : segment.getKey(),
        segment == null ? 0 : segment.getValue(),
        next,
        closed);
  }

  /** First position after {@code position} that is still kept outside the state changes. */
  synchronized long firstKept(long position) {
    Long file = segments.ceilingKey(position);
    Long memory = tail.isEmpty() ? null : tail.firstKey();
    long found = Math.min(file == null ? next : file, memory == null ? next : memory);
    return Math.max(position, found);
  }

  synchronized List<JobEvent> statesBetween(long from, long to) {
    List<JobEvent> found = new ArrayList<>();
    for (JobEvent.StateChange state : states) {
      if (state.sequence() >= from && state.sequence() < to) {
        found.add(state);
      }
    }
    return found;
  }

  /**
   * Events in memory, or else the file to read them from.
   *
   * @param segment first sequence of the file, or null if no file is left
   * @param segmentBytes how much of the file is complete
   * @param next sequence the next event will have
   */
  record View(
      List<JobEvent> events,
      @Nullable Long segment,
      long segmentBytes,
      long next,
      boolean closed) {}
}
