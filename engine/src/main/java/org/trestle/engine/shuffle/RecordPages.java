package org.trestle.engine.shuffle;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Many small records on disk, each found by a number that says where it is. Records are gathered to
 * pages; pages that lose their records are used again, so that the file stays within a small
 * multiple of what it holds, as long as {@linkplain #takeSparse sparse pages} are emptied.
 *
 * <p>Safe for use by several threads. The file is made when the first page is full.
 */
public final class RecordPages implements AutoCloseable {
  /** No record may have more bytes. */
  public static final int MAX_RECORD_BYTES = 8 << 10;

  /** Says that there is no record. */
  public static final long NOWHERE = -1;

  static final int PAGE_BYTES = 64 << 10;

  private static final int LENGTH_BYTES = Short.BYTES;
  private static final int SPARSE_SHARE = 4;

  // A locator: the number of the page, the offset of the record's bytes in it, their count.
  private static final int PAGE_SHIFT = 32;
  private static final int OFFSET_SHIFT = 16;
  private static final int OFFSET_MASK = 0xFFFF;

  /** Told of the records of a page. */
  public interface Visitor {
    /** A record in {@code page[from, to)}, perhaps one that was freed. */
    void record(long locator, byte[] page, int from, int to);
  }

  private final SpillFiles files;
  private final MemoryBudget budget;
  private final BitSet freePages = new BitSet();
  private final BitSet sparsePages = new BitSet();
  private int[] used = new int[16];
  private int[] live = new int[16];
  private int pages;
  private byte @Nullable [] open;
  private int openPage;
  private @Nullable SpillFile file;
  private boolean closed;

  /** Without records. */
  public RecordPages(MemoryBudget budget, SpillFiles files) {
    this.budget = budget;
    this.files = files;
  }

  /**
   * Adds a record.
   *
   * @return its locator, not below zero
   * @throws SpillException if the disk fails; the record has not been added
   * @throws IllegalArgumentException if the record is too long
   */
  public synchronized long add(byte[] source, int from, int to) {
    int length = to - from;
    if (length < 0 || length > MAX_RECORD_BYTES) {
      throw new IllegalArgumentException("a record of " + length + " bytes");
    }
    byte[] page = openPage(length + LENGTH_BYTES);
    int start = used[openPage];
    page[start] = (byte) (length >>> Byte.SIZE);
    page[start + 1] = (byte) length;
    System.arraycopy(source, from, page, start + LENGTH_BYTES, length);
    used[openPage] += length + LENGTH_BYTES;
    live[openPage] += length + LENGTH_BYTES;
    return locator(openPage, start + LENGTH_BYTES, length);
  }

  private static long locator(int page, int offset, int length) {
    return (long) page << PAGE_SHIFT | (long) offset << OFFSET_SHIFT | length;
  }

  private static int page(long locator) {
    return (int) (locator >>> PAGE_SHIFT);
  }

  private static int offset(long locator) {
    return (int) (locator >>> OFFSET_SHIFT) & OFFSET_MASK;
  }

  private static int length(long locator) {
    return (int) locator & OFFSET_MASK;
  }

  private byte[] openPage(int room) {
    if (closed) {
      throw new IllegalStateException("the pages are closed");
    }
    byte[] page = open;
    if (page == null) {
      page = new byte[PAGE_BYTES];
      budget.reserve(PAGE_BYTES);
      open = page;
      openPage = takePage();
    } else if (used[openPage] + room > PAGE_BYTES) {
      write(page);
      openPage = takePage();
    }
    return page;
  }

  private int takePage() {
    int page = freePages.nextSetBit(0);
    if (page >= 0) {
      freePages.clear(page);
      return page;
    }
    if (pages == used.length) {
      used = Arrays.copyOf(used, 2 * pages);
      live = Arrays.copyOf(live, 2 * pages);
    }
    return pages++;
  }

  private void write(byte[] page) {
    if (live[openPage] == 0) {
      release(openPage);
      return;
    }
    if (file == null) {
      file = files.create();
    }
    file.write((long) openPage * PAGE_BYTES, page, 0, used[openPage]);
    noteSparse(openPage);
  }

  private void release(int page) {
    used[page] = 0;
    sparsePages.clear(page);
    freePages.set(page);
  }

  private void noteSparse(int page) {
    sparsePages.set(page, live[page] < used[page] / SPARSE_SHARE);
  }

  /**
   * The bytes of a record that has not been freed.
   *
   * @throws SpillException if the disk fails
   */
  public byte[] read(long locator) {
    int page = page(locator);
    byte[] bytes = new byte[length(locator)];
    SpillFile source;
    synchronized (this) {
      if (open != null && page == openPage) {
        System.arraycopy(open, offset(locator), bytes, 0, bytes.length);
        return bytes;
      }
      source = Objects.requireNonNull(file);
    }
    source.read((long) page * PAGE_BYTES + offset(locator), bytes, 0, bytes.length);
    return bytes;
  }

  /** Frees a record, once. */
  public synchronized void free(long locator) {
    int page = page(locator);
    live[page] -= length(locator) + LENGTH_BYTES;
    if (open != null && page == openPage) {
      return;
    }
    if (live[page] == 0) {
      release(page);
    } else {
      noteSparse(page);
    }
  }

  /**
   * Shows the records of a page of which most have been freed, if there is such a page. The page is
   * used again when the visitor has moved what is left: added it anew and freed it here.
   *
   * @return whether there was a page
   * @throws SpillException if the disk fails
   */
  public boolean takeSparse(Visitor visitor) {
    int page;
    byte[] bytes;
    synchronized (this) {
      page = sparsePages.nextSetBit(0);
      if (page < 0) {
        return false;
      }
      sparsePages.clear(page);
      bytes = new byte[used[page]];
      Objects.requireNonNull(file).read((long) page * PAGE_BYTES, bytes, 0, bytes.length);
    }
    for (int at = 0; at < bytes.length; ) {
      int length = (bytes[at] & 0xFF) << Byte.SIZE | (bytes[at + 1] & 0xFF);
      int from = at + LENGTH_BYTES;
      at = from + length;
      visitor.record(locator(page, from, length), bytes, from, at);
    }
    return true;
  }

  /** How many bytes of the disk the pages take. */
  synchronized long fileBytes() {
    return file == null ? 0 : file.length();
  }

  /** Forgets all records. Idempotent. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (open != null) {
      budget.release(PAGE_BYTES);
      open = null;
    }
    if (file != null) {
      file.close();
    }
  }
}
