package org.trestle.engine.operator;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeSet;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.trigger.TriggerState;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowMerger.Merged;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireFormatException;

/**
 * The merging of windows in one bundle: the new windows of all its keys are merged with the open
 * ones at once, before elements are added.
 */
final class WindowMerges {
  private final GroupingRun run;
  private final TriggeredGrouping grouping;
  private final Map<ByteKey, KeyMerge> merges = new LinkedHashMap<>();
  private ByteKey lastKey = ByteKey.empty();

  WindowMerges(GroupingRun run, TriggeredGrouping grouping) {
    this.run = run;
    this.grouping = grouping;
  }

  /** Notes the windows that are not known yet. */
  void collect(EncodedBlock block, KeyGroupState keyGroup) {
    WindowedValueCursor cursor = block.read(grouping.input());
    byte[] buffer = cursor.buffer();
    while (cursor.next()) {
      ByteKey key = key(cursor);
      NavigableMap<ByteKey, WindowState> open = keyGroup.openWindows().get(key);
      for (int i = 0; i < cursor.windowCount(); i++) {
        ByteKey window = ByteKey.copyOf(buffer, cursor.windowStart(i), cursor.windowEnd(i));
        if (!run.rules().isTooLate(cursor.windowMaxTimestamp(i))
            && (open == null || !open.containsKey(window))) {
          merges.computeIfAbsent(key, any -> new KeyMerge(keyGroup)).added.add(window);
        }
      }
    }
  }

  /** The key of an element; elements of a key often come together. */
  ByteKey key(WindowedValueCursor cursor) {
    byte[] buffer = cursor.buffer();
    ByteKey last = lastKey;
    if (!Arrays.equals(
        last.bytes(), 0, last.length(), buffer, cursor.keyStart(), cursor.keyEnd())) {
      last = ByteKey.copyOf(buffer, cursor.keyStart(), cursor.keyEnd());
      lastKey = last;
    }
    return last;
  }

  /** Merges the windows of all keys that have new ones. */
  void merge(WindowMerger merger) {
    if (merges.isEmpty()) {
      return;
    }
    List<List<ByteKey>> windowSets = new ArrayList<>(merges.size());
    merges.forEach(
        (key, merge) -> {
          TreeSet<ByteKey> all = new TreeSet<>(merge.added);
          NavigableMap<ByteKey, WindowState> open = merge.keyGroup.openWindows().get(key);
          if (open != null) {
            all.addAll(open.keySet());
          }
          windowSets.add(List.copyOf(all));
        });
    List<List<Merged>> results = merger.merge(windowSets);
    if (results.size() != windowSets.size()) {
      throw new WireFormatException(
          "merging " + windowSets.size() + " sets of windows gave " + results.size());
    }
    int i = 0;
    for (Map.Entry<ByteKey, KeyMerge> entry : merges.entrySet()) {
      check(windowSets.get(i), results.get(i));
      for (Merged merged : results.get(i)) {
        apply(entry.getKey(), entry.getValue(), merged);
      }
      i++;
    }
  }

  private static void check(List<ByteKey> windows, List<Merged> results) {
    Set<ByteKey> left = new HashSet<>(windows);
    for (Merged merged : results) {
      for (ByteKey source : merged.sources()) {
        if (!left.remove(source)) {
          throw new WireFormatException(
              windows.contains(source)
                  ? "the window fn merged a window twice: " + source
                  : "the window fn merged a window it was not given: " + source);
        }
      }
    }
  }

  private void apply(ByteKey key, KeyMerge merge, Merged merged) {
    ByteKey window = merged.window();
    NavigableMap<ByteKey, WindowState> open = merge.keyGroup.openWindows().get(key);
    List<WindowState> sources = new ArrayList<>();
    for (ByteKey source : merged.sources()) {
      if (!source.equals(window)) {
        merge.becomes.put(source, window);
      }
      WindowState state = open == null ? null : open.get(source);
      if (state != null) {
        sources.add(state);
      }
    }
    if (sources.isEmpty() || (sources.size() == 1 && sources.get(0).window.equals(window))) {
      return;
    }
    mergeStates(key, merge.keyGroup, window, sources);
  }

  /** Makes one state of those of several windows. */
  private void mergeStates(
      ByteKey key, KeyGroupState keyGroup, ByteKey window, List<WindowState> sources) {
    List<TriggerState> triggers = new ArrayList<>(sources.size());
    int own = -1;
    for (int i = 0; i < sources.size(); i++) {
      TriggerState trigger = sources.get(i).trigger;
      if (trigger == null) {
        throw new IllegalStateException("a closed window is among the open ones");
      }
      triggers.add(trigger);
      own = sources.get(i).window.equals(window) ? i : own;
    }
    WindowState result = run.stateOf(keyGroup, key, window);
    run.use(result);
    TriggerState trigger = grouping.machine().merge(triggers, own, run.rules().isPast(result.end));
    if (result.trigger == null) {
      // The same window was closed before. It starts anew, as any other result would.
      result.panes = 0;
      result.panesNotEarly = 0;
      run.open(result, keyGroup, trigger);
    } else {
      result.trigger = trigger;
    }
    for (WindowState source : sources) {
      if (source != result) {
        absorb(result, source);
      }
    }
  }

  private void absorb(WindowState result, WindowState source) {
    run.use(source);
    result.dirty |= source.dirty;
    run.rules().mergeHolds(result, source);
    result.values.takeFrom(source.values);
    run.close(source);
    run.remove(source);
  }

  /** The window that a window has become. */
  ByteKey becomes(KeyGroupState keyGroup, ByteKey key, ByteKey window) {
    KeyMerge merge = merges.get(key);
    return merge == null ? window : merge.becomes.getOrDefault(window, window);
  }

  /** What happens to the windows of a key. */
  private static final class KeyMerge {
    private final KeyGroupState keyGroup;
    private final Set<ByteKey> added = new TreeSet<>();
    private final Map<ByteKey, ByteKey> becomes = new HashMap<>();

    KeyMerge(KeyGroupState keyGroup) {
      this.keyGroup = keyGroup;
    }
  }
}
