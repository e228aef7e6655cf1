package org.trestle.engine.core.trigger;

/**
 * What a {@link TriggerMachine} remembers of one key and window: which parts are finished, how many
 * elements they counted, and what they wait for. For one thread at a time.
 */
public final class TriggerState {
  /** What an object and its array cost beyond their content, about. */
  private static final int OVERHEAD = 32;

  private final long[] words;

  TriggerState(long[] words) {
    this.words = words;
  }

  /** Bytes of memory held, about. */
  public int memory() {
    return OVERHEAD + Long.BYTES * words.length;
  }

  boolean bit(int index) {
    return (words[index >> 6] & 1L << index) != 0;
  }

  void setBit(int index, boolean value) {
    if (value) {
      words[index >> 6] |= 1L << index;
    } else {
      words[index >> 6] &= ~(1L << index);
    }
  }

  long word(int index) {
    return words[index];
  }

  void setWord(int index, long value) {
    words[index] = value;
  }

  /** Takes over the first words of another state: which parts are finished. */
  void copyBits(TriggerState other, int count) {
    System.arraycopy(other.words, 0, words, 0, count);
  }
}
