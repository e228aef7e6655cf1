package org.trestle.engine.operator;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import org.trestle.engine.core.port.ByteKey;

/** All keys and windows of a key group. Belongs to the bundle that has the key group. */
final class KeyGroupState {
  private final int index;
  private final WindowTable table = new WindowTable();
  private final Map<ByteKey, NavigableMap<ByteKey, WindowState>> openWindows = new HashMap<>();

  KeyGroupState(int index) {
    this.index = index;
  }

  int index() {
    return index;
  }

  WindowTable table() {
    return table;
  }

  /**
   * Where windows merge, the windows of each key whose trigger is not finished: those that new
   * windows merge with. Keys without any are absent.
   */
  Map<ByteKey, NavigableMap<ByteKey, WindowState>> openWindows() {
    return openWindows;
  }
}
