package org.trestle.engine.operator;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.KeyGroups;

/**
 * Finds the states of keys and windows by their bytes, without making objects: an open hash table.
 * For one thread at a time.
 */
final class WindowTable {
  private static final int INITIAL_SLOTS = 16;

  private @Nullable WindowState[] slots = new @Nullable WindowState[INITIAL_SLOTS];
  private int size;

  static int hash(byte[] key, int keyFrom, int keyTo, byte[] window, int windowFrom, int windowTo) {
    int ofKey = (int) KeyGroups.hash(key, keyFrom, keyTo);
    return windowFrom == windowTo
        ? ofKey
        : ofKey * 31 + (int) KeyGroups.hash(window, windowFrom, windowTo);
  }

  @Nullable WindowState find(
      int hash, byte[] key, int keyFrom, int keyTo, byte[] window, int windowFrom, int windowTo) {
    int mask = slots.length - 1;
    for (int slot = hash & mask; ; slot = (slot + 1) & mask) {
      WindowState state = slots[slot];
      if (state == null) {
        return null;
      }
      if (state.hash == hash
          && same(state.key.bytes(), key, keyFrom, keyTo)
          && same(state.window.bytes(), window, windowFrom, windowTo)) {
        return state;
      }
    }
  }

  private static boolean same(byte[] known, byte[] other, int from, int to) {
    return Arrays.equals(known, 0, known.length, other, from, to);
  }

  /** Adds a state of a key and window that has none. */
  void add(WindowState state) {
    if (2 * (size + 1) > slots.length) {
      grow();
    }
    place(state);
    size++;
  }

  private void place(WindowState state) {
    int mask = slots.length - 1;
    int slot = state.hash & mask;
    while (slots[slot] != null) {
      slot = (slot + 1) & mask;
    }
    slots[slot] = state;
  }

  private void grow() {
    @Nullable WindowState[] old = slots;
    slots = new @Nullable WindowState[2 * old.length];
    for (WindowState state : old) {
      if (state != null) {
        place(state);
      }
    }
  }

  /** Takes out a state that is in the table. */
  void remove(WindowState state) {
    int mask = slots.length - 1;
    int slot = state.hash & mask;
    while (slots[slot] != state) {
      if (slots[slot] == null) {
        throw new IllegalStateException("not in the table");
      }
      slot = (slot + 1) & mask;
    }
    slots[slot] = null;
    size--;
    // States that were pushed on by the one that is gone move up.
    for (int next = (slot + 1) & mask; ; next = (next + 1) & mask) {
      WindowState moved = slots[next];
      if (moved == null) {
        return;
      }
      slots[next] = null;
      place(moved);
    }
  }

  int size() {
    return size;
  }
}
