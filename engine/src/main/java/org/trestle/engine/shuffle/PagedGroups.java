package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.trestle.fn.wire.ByteSink;

/**
 * The groups of a job whose values are read page by page from disk, because they are too many for
 * one element. An element names its group by number. Safe for use by several threads.
 */
public final class PagedGroups {
  /** Values of more bytes are paged, where the readers can do that. */
  static final int MAX_INLINE_BYTES = 4 << 20;

  /** In place of the number of values. */
  static final int UNCOUNTED = -1;

  private static final long IN_STATE = -1;

  private final SpillFiles files;
  private final AtomicLong numbers = new AtomicLong();
  private final ConcurrentMap<Long, Group> groups = new ConcurrentHashMap<>();

  /** No groups yet; theirs are kept in these files. */
  public PagedGroups(SpillFiles files) {
    this.files = files;
  }

  /**
   * Adds a group.
   *
   * @param values puts them into chunks
   * @throws SpillException if the disk fails
   */
  Group make(Consumer<ChunkWriter> values) {
    ChunkWriter chunks = new ChunkWriter(files);
    try {
      values.accept(chunks);
      Group group = new Group(numbers.incrementAndGet(), List.copyOf(chunks.finish()));
      groups.put(group.number, group);
      return group;
    } catch (RuntimeException e) {
      chunks.discard();
      throw e;
    }
  }

  /** Finds a group by the token of its element; null if it is not, or no more, there. */
  public @Nullable Group find(ByteString token) {
    return token.size() == Long.BYTES ? groups.get(token.asReadOnlyByteBuffer().getLong()) : null;
  }

  /** The values of a group. Closed when no element names the group any more. */
  public final class Group implements AutoCloseable {
    private final long number;
    private final List<SpillFiles.Extent> chunks;

    private Group(long number, List<SpillFiles.Extent> chunks) {
      this.number = number;
      this.chunks = chunks;
    }

    /** The name of the group in state requests. */
    ByteString token() {
      return new ByteSink(Long.BYTES).putLong(number).toByteString();
    }

    /**
     * What follows {@link #UNCOUNTED} in an iterable whose values are in state: a mark, and the
     * token behind its length.
     */
    byte[] reference() {
      byte[] token = token().toByteArray();
      return new ByteSink()
          .putVarInt(IN_STATE)
          .putLengthPrefixed(token, 0, token.length)
          .toByteArray();
    }

    /** How many chunks of whole values there are. */
    public int chunks() {
      return chunks.size();
    }

    /** How many bytes a chunk has. */
    public int length(int chunk) {
      return chunks.get(chunk).length();
    }

    /**
     * Reads a chunk.
     *
     * @throws SpillException if the disk fails
     */
    public void copy(int chunk, byte[] target, int at) {
      chunks.get(chunk).read(0, target, at, chunks.get(chunk).length());
    }

    @Override
    public void close() {
      if (groups.remove(number, this)) {
        chunks.forEach(SpillFiles.Extent::free);
      }
    }
  }
}
