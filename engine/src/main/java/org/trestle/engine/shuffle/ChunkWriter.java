package org.trestle.engine.shuffle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Writes values to disk, in chunks of whole values. For one thread. What was added belongs to the
 * writer until it is {@linkplain #finish finished} or {@linkplain #discard discarded}; then it can
 * be used again.
 */
final class ChunkWriter {
  /** A chunk is no larger, unless it is a single value. */
  static final int CHUNK_BYTES = 256 << 10;

  private static final int MIN_CAPACITY = 4 << 10;

  private final SpillFiles files;
  private List<SpillFiles.Extent> chunks = new ArrayList<>();
  private byte[] buffer = new byte[0];
  private int used;

  ChunkWriter(SpillFiles files) {
    this.files = files;
  }

  /**
   * Makes room for some bytes, to be written into {@link #array} from {@link #position} on and then
   * to be {@linkplain #written added}.
   */
  void reserve(int size) {
    if (used > 0 && (long) used + size > CHUNK_BYTES) {
      flush();
    }
    if (used + size > buffer.length) {
      int roomy = Math.min(CHUNK_BYTES, 2 * buffer.length);
      buffer = Arrays.copyOf(buffer, Math.max(Math.max(used + size, roomy), MIN_CAPACITY));
    }
  }

  byte[] array() {
    return buffer;
  }

  int position() {
    return used;
  }

  /** Adds the bytes that were written after {@link #reserve}: whole values. */
  void written(int size) {
    used += size;
  }

  /** Adds whole values. */
  void add(byte[] source, int from, int to) {
    reserve(to - from);
    System.arraycopy(source, from, buffer, used, to - from);
    used += to - from;
  }

  /** Takes over chunks that are on disk already. */
  void takeOver(List<SpillFiles.Extent> written) {
    flush();
    chunks.addAll(written);
  }

  private void flush() {
    if (used > 0) {
      chunks.add(files.write(buffer, 0, used));
      used = 0;
    }
  }

  /** The chunks, which now belong to the caller. */
  List<SpillFiles.Extent> finish() {
    flush();
    List<SpillFiles.Extent> finished = chunks;
    chunks = new ArrayList<>();
    return finished;
  }

  /** Gives the room of all chunks back. */
  void discard() {
    used = 0;
    chunks.forEach(SpillFiles.Extent::free);
    chunks.clear();
  }
}
