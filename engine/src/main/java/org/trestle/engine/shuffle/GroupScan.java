package org.trestle.engine.shuffle;

import org.trestle.engine.core.port.ByteKey;

/**
 * Goes through entries in ascending order of key hash, key and window. At first it is before the
 * first entry. For one thread.
 */
interface GroupScan {

  /** Goes to the next entry; false if there is none. */
  boolean next();

  int keyHash();

  ByteKey key();

  ByteKey window();

  /** The values of the entry; stays valid when the scan goes on. */
  Values values();

  /** Values of an entry: encoded, one after the other. */
  interface Values {
    long count();

    long bytes();

    /** The values' combined timestamp, if the grouping wants it. */
    long time();

    /** Whether they are in chunks on disk, which can be moved without being read. */
    boolean inChunks();

    void copy(byte[] target, int at);

    /** Adds them to chunks; if they are in such already, these are moved. Called once. */
    void moveTo(ChunkWriter chunks);
  }

  /** The order of entries. */
  static int compare(GroupScan one, GroupScan other) {
    int order = Integer.compareUnsigned(one.keyHash(), other.keyHash());
    if (order == 0) {
      order = one.key().compareTo(other.key());
    }
    return order == 0 ? one.window().compareTo(other.window()) : order;
  }
}
