package org.trestle.engine.state;

import java.util.function.LongConsumer;
import org.trestle.engine.shuffle.RecordPages;

/**
 * Where records are, by the hash of their keys. Takes 16 bytes a place, of which at most two thirds
 * are in use. Of two keys with the same hash only one can be in it. For one thread at a time.
 */
final class RecordIndex {
  private static final int FIRST_PLACES = 16;

  /** One empty place: full before the first record. */
  private static final long[] NO_PLACES = new long[1];

  /** Stands for an empty place, so a hash that is 0 is stored as another. */
  private static final long EMPTY = 0;

  private static final long INSTEAD_OF_EMPTY = 0x9E3779B97F4A7C15L;

  private long[] hashes = NO_PLACES;
  private long[] locators = NO_PLACES;
  private int size;

  int size() {
    return size;
  }

  /** Bytes of memory held. */
  long memory() {
    return hashes == NO_PLACES ? 0 : 2L * Long.BYTES * hashes.length;
  }

  /** The record of a hash; {@link RecordPages#NOWHERE} if there is none. */
  long get(long hash) {
    int place = find(stored(hash));
    return hashes[place] == EMPTY ? RecordPages.NOWHERE : locators[place];
  }

  /** Sets the record of a hash. */
  void put(long hash, long locator) {
    long stored = stored(hash);
    int place = find(stored);
    if (hashes[place] == EMPTY) {
      if (3L * (size + 1) > 2L * hashes.length) {
        grow();
        place = find(stored);
      }
      hashes[place] = stored;
      size++;
    }
    locators[place] = locator;
  }

  /** Forgets the record of a hash. */
  void remove(long hash) {
    int hole = find(stored(hash));
    if (hashes[hole] == EMPTY) {
      return;
    }
    size--;
    // What was pushed on by the removed entry moves back, so that searches may end at a hole.
    for (int next = after(hole); hashes[next] != EMPTY; next = after(next)) {
      int wanted = (int) hashes[next] & (hashes.length - 1);
      if (((next - wanted) & (hashes.length - 1)) >= ((next - hole) & (hashes.length - 1))) {
        hashes[hole] = hashes[next];
        locators[hole] = locators[next];
        hole = next;
      }
    }
    hashes[hole] = EMPTY;
  }

  /** Gives all records. */
  void forEach(LongConsumer consumer) {
    for (int i = 0; i < hashes.length; i++) {
      if (hashes[i] != EMPTY) {
        consumer.accept(locators[i]);
      }
    }
  }

  private static long stored(long hash) {
    return hash == EMPTY ? INSTEAD_OF_EMPTY : hash;
  }

  private int find(long stored) {
    int place = (int) stored & (hashes.length - 1);
    while (hashes[place] != EMPTY && hashes[place] != stored) {
      place = after(place);
    }
    return place;
  }

  private int after(int place) {
    return (place + 1) & (hashes.length - 1);
  }

  private void grow() {
    long[] oldHashes = hashes;
    long[] oldLocators = locators;
    hashes = new long[Math.max(FIRST_PLACES, 2 * oldHashes.length)];
    locators = new long[hashes.length];
    for (int i = 0; i < oldHashes.length; i++) {
      if (oldHashes[i] != EMPTY) {
        int place = find(oldHashes[i]);
        hashes[place] = oldHashes[i];
        locators[place] = oldLocators[i];
      }
    }
  }
}
