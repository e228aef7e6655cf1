package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * Numbers the pairs of a set of windows and a key group that elements belong to, in order of
 * appearance.
 */
final class WindowParts {
  private record Part(ByteKey windowList, int keyGroup) {}

  private final Map<Part, Integer> numbers = new HashMap<>();
  private final List<Part> parts = new ArrayList<>();
  private final List<List<ByteKey>> windows = new ArrayList<>();
  private int last = -1;

  /** The number of the part that the cursor's element belongs to. */
  int number(WindowedValueCursor element, int keyGroup) {
    byte[] bytes = element.buffer();
    int from = element.windowsStart();
    int to = element.windowsEnd();
    if (last < 0 || !isAt(parts.get(last), bytes, from, to, keyGroup)) {
      Part part = new Part(ByteKey.copyOf(bytes, from, to), keyGroup);
      Integer known = numbers.get(part);
      last = known == null ? add(part, element) : known;
    }
    return last;
  }

  private static boolean isAt(Part part, byte[] bytes, int from, int to, int keyGroup) {
    byte[] list = part.windowList.bytes();
    return part.keyGroup == keyGroup && Arrays.equals(list, 0, list.length, bytes, from, to);
  }

  private int add(Part part, WindowedValueCursor element) {
    List<ByteKey> set = new ArrayList<>(element.windowCount());
    for (int i = 0; i < element.windowCount(); i++) {
      set.add(ByteKey.copyOf(element.buffer(), element.windowStart(i), element.windowEnd(i)));
    }
    numbers.put(part, parts.size());
    parts.add(part);
    windows.add(List.copyOf(set));
    return parts.size() - 1;
  }

  int count() {
    return parts.size();
  }

  List<ByteKey> windows(int number) {
    return windows.get(number);
  }

  int keyGroup(int number) {
    return parts.get(number).keyGroup;
  }

  void clear() {
    numbers.clear();
    parts.clear();
    windows.clear();
    last = -1;
  }
}
