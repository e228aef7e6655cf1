package org.trestle.engine.simulation;

/**
 * A simulated element.
 *
 * @param id unique, to find what is lost or doubled; says nothing about the value
 * @param from first position of its restriction; only splittable stages look at it
 * @param to end of its restriction
 */
record Element(long id, long value, long timestamp, int from, int to) {
  static final int KEYS = 7;

  /** Whole elements have as many positions as their value says. */
  static Element whole(long id, long value, long timestamp) {
    return new Element(id, value, timestamp, 0, (int) Math.floorMod(value, 6L));
  }

  int key() {
    return (int) Math.floorMod(value, (long) KEYS);
  }

  int keyGroup() {
    return keyGroup(key());
  }

  static int keyGroup(int key) {
    return key % SimPipeline.KEY_GROUPS;
  }

  /** The same work, less of it. */
  Element restricted(long newId, int newFrom, int newTo) {
    return new Element(newId, value, timestamp, newFrom, newTo);
  }
}
