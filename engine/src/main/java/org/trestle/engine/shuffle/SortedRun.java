package org.trestle.engine.shuffle;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;

/**
 * Entries of an index that went to disk, sorted. Belongs to one thread at a time.
 *
 * <p>An entry is: hash of the key, lengths of key and window, timestamp, number and bytes of the
 * values, then key, window and values. Entries are in blocks; values that are many bytes are in
 * chunks of their own instead, so that these can be read, and kept, without the rest.
 */
final class SortedRun implements AutoCloseable {
  private static final int HEADER = 3 * Integer.BYTES + 3 * Long.BYTES;

  /** A block is no larger, unless it has a single entry. */
  private static final int BLOCK_BYTES = CompressedPages.PAGE_BYTES;

  /** So many bytes of values are in chunks. */
  private static final int MIN_CHUNKED_BYTES = BLOCK_BYTES / 4;

  private final List<SpillFiles.Extent> blocks = new ArrayList<>();

  /** Of each entry with chunks, these, in the order of the entries; none when they were moved. */
  private final List<List<SpillFiles.Extent>> chunked = new ArrayList<>();

  private SortedRun() {}

  /**
   * Writes an index.
   *
   * @throws SpillException if the disk fails
   */
  static SortedRun write(GroupIndex index, SpillFiles files) {
    SortedRun run = new SortedRun();
    try {
      run.writeEntries(new IndexScan(index), files);
      return run;
    } catch (RuntimeException e) {
      run.close();
      throw e;
    }
  }

  private void writeEntries(IndexScan scan, SpillFiles files) {
    ByteSink block = new ByteSink(BLOCK_BYTES);
    ChunkWriter chunks = new ChunkWriter(files);
    while (scan.next()) {
      GroupScan.Values values = scan.values();
      boolean inChunks = isChunked(values.bytes());
      int inBlock = inChunks ? 0 : (int) values.bytes();
      int size = HEADER + scan.key().length() + scan.window().length() + inBlock;
      if (!block.isEmpty() && block.length() + size > BLOCK_BYTES) {
        blocks.add(files.write(block.array(), 0, block.length()));
        block.clear();
      }
      block
          .putInt(scan.keyHash())
          .putInt(scan.key().length())
          .putInt(scan.window().length())
          .putLong(values.time())
          .putLong(values.count())
          .putLong(values.bytes())
          .put(scan.key().bytes())
          .put(scan.window().bytes());
      if (inChunks) {
        chunked.add(writeChunks(values, chunks));
      } else {
        byte[] bytes = new byte[inBlock];
        values.copy(bytes, 0);
        block.put(bytes);
      }
    }
    if (!block.isEmpty()) {
      blocks.add(files.write(block.array(), 0, block.length()));
    }
  }

  private static boolean isChunked(long valueBytes) {
    return valueBytes >= MIN_CHUNKED_BYTES;
  }

  private static List<SpillFiles.Extent> writeChunks(GroupScan.Values values, ChunkWriter chunks) {
    try {
      values.moveTo(chunks);
      return chunks.finish();
    } catch (RuntimeException e) {
      chunks.discard();
      throw e;
    }
  }

  GroupScan scan() {
    return new RunScan();
  }

  /** Gives all room on disk back but that of chunks that were moved. Idempotent. */
  @Override
  public void close() {
    blocks.forEach(SpillFiles.Extent::free);
    blocks.clear();
    chunked.forEach(chunks -> chunks.forEach(SpillFiles.Extent::free));
    chunked.clear();
  }

  private final class RunScan implements GroupScan {
    private final Iterator<SpillFiles.Extent> nextBlocks = blocks.iterator();
    private byte[] block = new byte[0];
    private int nextEntry;
    private int nextChunked;
    private int keyHash;
    private ByteKey key = ByteKey.empty();
    private ByteKey window = ByteKey.empty();
    private Values values = new InBlock(block, 0, 0, 0, 0);

    @Override
    public boolean next() {
      if (nextEntry == block.length) {
        if (!nextBlocks.hasNext()) {
          return false;
        }
        SpillFiles.Extent next = nextBlocks.next();
        block = next.read(0, next.length());
        nextEntry = 0;
      }
      ByteBuffer header = ByteBuffer.wrap(block, nextEntry, HEADER);
      keyHash = header.getInt();
      int keyEnd = nextEntry + HEADER + header.getInt();
      int windowEnd = keyEnd + header.getInt();
      long time = header.getLong();
      long count = header.getLong();
      long bytes = header.getLong();
      key = ByteKey.copyOf(block, nextEntry + HEADER, keyEnd);
      window = ByteKey.copyOf(block, keyEnd, windowEnd);
      if (isChunked(bytes)) {
        values = new InChunks(SortedRun.this, nextChunked++, bytes, count, time);
        nextEntry = windowEnd;
      } else {
        values = new InBlock(block, windowEnd, (int) bytes, count, time);
        nextEntry = windowEnd + (int) bytes;
      }
      return true;
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
      return values;
    }
  }

  private static final class InBlock implements GroupScan.Values {
    private final byte[] block;
    private final int start;
    private final int length;
    private final long count;
    private final long time;

    InBlock(byte[] block, int start, int length, long count, long time) {
      this.block = block;
      this.start = start;
      this.length = length;
      this.count = count;
      this.time = time;
    }

    @Override
    public long count() {
      return count;
    }

    @Override
    public long bytes() {
      return length;
    }

    @Override
    public long time() {
      return time;
    }

    @Override
    public boolean inChunks() {
      return false;
    }

    @Override
    public void copy(byte[] target, int at) {
      System.arraycopy(block, start, target, at, length);
    }

    @Override
    public void moveTo(ChunkWriter chunks) {
      chunks.add(block, start, start + length);
    }
  }

  private record InChunks(SortedRun run, int number, long bytes, long count, long time)
      implements GroupScan.Values {
    @Override
    public boolean inChunks() {
      return true;
    }

    @Override
    public void copy(byte[] target, int at) {
      int position = at;
      for (SpillFiles.Extent chunk : run.chunked.get(number)) {
        chunk.read(0, target, position, chunk.length());
        position += chunk.length();
      }
    }

    @Override
    public void moveTo(ChunkWriter chunks) {
      chunks.takeOver(run.chunked.set(number, List.of()));
    }
  }
}
