package org.trestle.engine.windowing;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.IntervalWindows;

/**
 * Merges interval windows that overlap, as session windows do. Windows that only touch stay apart.
 */
public final class SessionMerging implements WindowMerger {
  private static final Comparator<Interval> BY_START = Comparator.comparingLong(Interval::start);

  @Override
  public List<List<Merged>> merge(List<List<ByteKey>> windowSets) {
    List<List<Merged>> results = new ArrayList<>(windowSets.size());
    for (List<ByteKey> windows : windowSets) {
      results.add(mergeSet(windows));
    }
    return results;
  }

  private static List<Merged> mergeSet(List<ByteKey> windows) {
    if (windows.size() == 1) {
      return List.of(new Merged(windows.get(0), windows));
    }
    List<Interval> intervals = new ArrayList<>(windows.size());
    for (ByteKey window : windows) {
      byte[] bytes = window.bytes();
      intervals.add(
          new Interval(
              IntervalWindows.start(bytes, 0, bytes.length),
              IntervalWindows.end(bytes, 0, bytes.length),
              window));
    }
    intervals.sort(BY_START);
    List<Merged> merged = new ArrayList<>();
    List<ByteKey> sources = new ArrayList<>();
    long start = 0;
    long end = 0;
    for (Interval interval : intervals) {
      if (!sources.isEmpty() && interval.start >= end) {
        merged.add(merged(start, end, sources));
        sources.clear();
      }
      if (sources.isEmpty()) {
        start = interval.start;
        end = interval.end;
      }
      end = Math.max(end, interval.end);
      sources.add(interval.window);
    }
    merged.add(merged(start, end, sources));
    return merged;
  }

  private static Merged merged(long start, long end, List<ByteKey> sources) {
    ByteKey window =
        sources.size() == 1 ? sources.get(0) : ByteKey.wrap(IntervalWindows.encode(start, end));
    return new Merged(window, sources);
  }

  private record Interval(long start, long end, ByteKey window) {}
}
