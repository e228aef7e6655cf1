package org.trestle.engine.shuffle;

import java.nio.ByteBuffer;
import org.trestle.engine.core.port.ByteKey;

/**
 * Entries of an index that went to disk, sorted.
 *
 * <p>An entry is: hash of the key, lengths of key and window, timestamp, number and bytes of the
 * values, then key, window and values.
 */
final class SortedRun implements AutoCloseable {
  private static final int HEADER = 3 * Integer.BYTES + 3 * Long.BYTES;
  private static final int WRITE_BYTES = 256 << 10;
  private static final int READ_BYTES = 64 << 10;

  private final SpillFile file;

  private SortedRun(SpillFile file) {
    this.file = file;
  }

  /** Writes an index to a new file. */
  static SortedRun write(GroupIndex index, SpillFiles files) {
    SpillFile file = files.create();
    try {
      byte[] buffer = new byte[WRITE_BYTES];
      int used = 0;
      IndexScan scan = new IndexScan(index);
      while (scan.next()) {
        GroupScan.Values values = scan.values();
        int name = HEADER + scan.key().length() + scan.window().length();
        int size = Math.toIntExact(name + values.bytes());
        if (used > 0 && size > buffer.length - used) {
          file.append(buffer, 0, used);
          used = 0;
        }
        byte[] target = size > buffer.length ? new byte[size] : buffer;
        ByteBuffer.wrap(target, used, name)
            .putInt(scan.keyHash())
            .putInt(scan.key().length())
            .putInt(scan.window().length())
            .putLong(values.time())
            .putLong(values.count())
            .putLong(values.bytes())
            .put(scan.key().bytes())
            .put(scan.window().bytes());
        values.copy(target, used + name);
        if (target == buffer) {
          used += size;
        } else {
          file.append(target, 0, size);
        }
      }
      file.append(buffer, 0, used);
      return new SortedRun(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  GroupScan scan() {
    return new RunScan(file);
  }

  @Override
  public void close() {
    file.close();
  }

  /** Reads ahead in the file, and back where the values of an earlier entry are wanted. */
  private static final class RunScan implements GroupScan {
    private final SpillFile file;
    private final byte[] buffer;
    private long bufferStart;
    private int buffered;
    private long nextEntry;
    private int keyHash;
    private ByteKey key = ByteKey.empty();
    private ByteKey window = ByteKey.empty();
    private long time;
    private long count;
    private long valueBytes;
    private long valueStart;

    RunScan(SpillFile file) {
      this.file = file;
      this.buffer = new byte[(int) Math.min(READ_BYTES, file.length())];
    }

    @Override
    public boolean next() {
      if (nextEntry >= file.length()) {
        return false;
      }
      ByteBuffer header = ByteBuffer.wrap(read(nextEntry, HEADER));
      keyHash = header.getInt();
      int keyLength = header.getInt();
      int windowLength = header.getInt();
      time = header.getLong();
      count = header.getLong();
      valueBytes = header.getLong();
      key = ByteKey.wrap(read(nextEntry + HEADER, keyLength));
      window = ByteKey.wrap(read(nextEntry + HEADER + keyLength, windowLength));
      valueStart = nextEntry + HEADER + keyLength + windowLength;
      nextEntry = valueStart + valueBytes;
      return true;
    }

    private byte[] read(long position, int length) {
      byte[] bytes = new byte[length];
      read(position, bytes, 0, length);
      return bytes;
    }

    private void read(long position, byte[] target, int at, int length) {
      if (length > buffer.length) {
        file.read(position, target, at, at + length);
        return;
      }
      if (position < bufferStart || position + length > bufferStart + buffered) {
        buffered = (int) Math.min(buffer.length, file.length() - position);
        bufferStart = position;
        file.read(position, buffer, 0, buffered);
      }
      System.arraycopy(buffer, (int) (position - bufferStart), target, at, length);
    }

    @Override
    public int keyHash() {
      return keyHash;
    }

    @Override
    public ByteKey key() {
      return key;
    }

    @Override
    public ByteKey window() {
      return window;
    }

    @Override
    public Values values() {
      return new OnDisk(this, valueStart, valueBytes, count, time);
    }
  }

  private record OnDisk(RunScan scan, long start, long bytes, long count, long time)
      implements GroupScan.Values {
    @Override
    public void copy(byte[] target, int at) {
      // As when it was written, a single run holds less than 2 GiB of a group.
      scan.read(start, target, at, (int) bytes);
    }
  }
}
