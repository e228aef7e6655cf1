package org.trestle.fn.machine;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What a process and those it has started use. For one thread. */
public final class ProcessUsage {
  private static final Path PROC = Path.of("/proc");

  private final ProcessHandle process;

  /** What each thread has wanted so far, by its files. */
  private Map<Path, Long> before = Map.of();

  private long nanosBefore;

  /**
   * Looks at a process for the first time.
   *
   * @param nowNanos from any origin
   */
  public ProcessUsage(ProcessHandle process, long nowNanos) {
    this.process = process;
    double unused = wantedCores(nowNanos);
  }

  /**
   * How many processors the threads wanted since the last call, on average: while they ran, and
   * while they waited for a processor that others had. 0 if that is not known.
   */
  public final double wantedCores(long nowNanos) {
    Map<Path, Long> now = new HashMap<>();
    family().forEach(member -> addThreads(member, now));
    long wanted = 0;
    for (Map.Entry<Path, Long> thread : now.entrySet()) {
      wanted += Math.max(0, thread.getValue() - before.getOrDefault(thread.getKey(), 0L));
    }
    long elapsed = nowNanos - nanosBefore;
    before = now;
    nanosBefore = nowNanos;
    return elapsed <= 0 ? 0 : (double) wanted / elapsed;
  }

  private static void addThreads(ProcessHandle process, Map<Path, Long> into) {
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(folder(process, "task"))) {
      for (Path thread : threads) {
        Path statistics = thread.resolve("schedstat");
        List<String> lines = ProcFiles.lines(statistics);
        if (!lines.isEmpty()) {
          // Nanoseconds on a processor, nanoseconds in a queue for one, number of turns.
          String[] words = lines.get(0).split(" ");
          into.put(statistics, Long.parseLong(words[0]) + Long.parseLong(words[1]));
        }
      }
    } catch (IOException ended) {
      // It wants nothing any more.
    }
  }

  /** Memory that is in use now, in bytes; 0 if that is not known. */
  public long bytes() {
    return family().mapToLong(member -> ProcFiles.bytes(folder(member, "status"), "VmRSS")).sum();
  }

  private static Path folder(ProcessHandle process, String name) {
    return PROC.resolve(Long.toString(process.pid())).resolve(name);
  }

  private Stream<ProcessHandle> family() {
    return Stream.concat(Stream.of(process), process.descendants());
  }
}
