package org.trestle.engine.core.port;

/**
 * Some elements at a stage's input, held encoded by a store. Immutable. The core counts them, cuts
 * them and passes them on; it never looks inside.
 */
public interface ElementBlock {

  /** How many elements; at least one. */
  int count();

  /** Encoded size in bytes. */
  long bytes();

  /** A lower bound of the elements' event times, in milliseconds since the epoch. */
  long minTimestamp();

  /** The elements {@code from} (inclusive) to {@code to} (exclusive), at O(1) cost. */
  ElementBlock slice(int from, int to);
}
