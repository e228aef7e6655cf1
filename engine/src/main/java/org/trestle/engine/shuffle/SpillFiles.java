package org.trestle.engine.shuffle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The temporary files of a job, in a directory of its own that is made when first needed and
 * deleted on close. Safe for use by several threads.
 */
public final class SpillFiles implements AutoCloseable {
  /** Extents share files of about this size; a file goes when all its extents are free. */
  private static final long SHARED_FILE_BYTES = 64L << 20;

  /**
   * When bytes do not shrink, so many writes after it are not tried: it is mostly the same data.
   */
  private static final int UNTRIED_AFTER_FAILURE = 7;

  private final Path directory;
  private final AtomicInteger untried = new AtomicInteger();
  private final Set<SpillFile> open = new LinkedHashSet<>();
  private @Nullable SharedFile current;
  private int created;
  private boolean closed;

  /**
   * Files in this directory, which is nobody else's.
   *
   * @param directory need not exist yet
   */
  public SpillFiles(Path directory) {
    this.directory = directory;
  }

  /** Makes a new empty file. */
  synchronized SpillFile create() {
    checkOpen();
    try {
      Files.createDirectories(directory);
      SpillFile file =
          new SpillFile(directory.resolve("spill-" + (created + 1) + ".bin"), this::forget);
      created++;
      open.add(file);
      return file;
    } catch (IOException e) {
      throw new SpillException(
          "cannot make a spill file in directory " + directory + ": " + e.getMessage(), e);
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("spill directory " + directory + " is closed");
    }
  }

  /**
   * Writes bytes that will be freed one day, compressed where it pays.
   *
   * @throws SpillException if the disk fails
   */
  public Extent write(byte[] source, int from, int to) {
    CompressedPages pages = compress(source, from, to);
    SharedFile target = retainCurrent();
    try {
      return pages == null
          ? new Extent(target, target.file.append(source, from, to), to - from, null)
          : new Extent(
              target, target.file.append(pages.data(), 0, pages.length()), to - from, pages.ends());
    } catch (RuntimeException e) {
      target.release();
      throw e;
    }
  }

  private @Nullable CompressedPages compress(byte[] source, int from, int to) {
    if (untried.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
      return null;
    }
    CompressedPages pages = CompressedPages.of(source, from, to);
    if (pages == null && to - from >= CompressedPages.PAGE_BYTES) {
      untried.set(UNTRIED_AFTER_FAILURE);
    }
    return pages;
  }

  private SharedFile retainCurrent() {
    SharedFile target;
    synchronized (this) {
      checkOpen();
      if (current == null || current.file.length() >= SHARED_FILE_BYTES) {
        SharedFile full = current;
        current = new SharedFile(create());
        if (full != null) {
          full.release();
        }
      }
      target = current;
      target.retain();
    }
    return target;
  }

  /** Bytes in all files now. */
  public synchronized long bytesOnDisk() {
    long bytes = 0;
    for (SpillFile file : open) {
      bytes += file.length();
    }
    return bytes;
  }

  private synchronized void forget(SpillFile file) {
    open.remove(file);
  }

  /** Deletes all files and the directory. Idempotent. */
  @Override
  public void close() {
    List<SpillFile> files;
    synchronized (this) {
      closed = true;
      if (created == 0) {
        return;
      }
      files = new ArrayList<>(open);
    }
    SpillException problem = null;
    for (SpillFile file : files) {
      try {
        file.close();
      } catch (SpillException e) {
        problem = e;
      }
    }
    if (problem != null) {
      throw problem;
    }
    try {
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      throw new SpillException("cannot delete spill directory " + directory, e);
    }
  }

  /** A file that lives until its last extent is free. */
  private static final class SharedFile {
    private final SpillFile file;
    private int users = 1;

    SharedFile(SpillFile file) {
      this.file = file;
    }

    synchronized void retain() {
      users++;
    }

    void release() {
      synchronized (this) {
        if (--users > 0) {
          return;
        }
      }
      file.close();
    }
  }

  /** Bytes on disk. */
  public static final class Extent {
    private final SharedFile shared;
    private final long position;
    private final int length;

    /** Where each page ends, counted from the position; null if the bytes are not compressed. */
    private final int @Nullable [] pageEnds;

    Extent(SharedFile shared, long position, int length, int @Nullable [] pageEnds) {
      this.shared = shared;
      this.position = position;
      this.length = length;
      this.pageEnds = pageEnds;
    }

    /** How many bytes it has. */
    public int length() {
      return length;
    }

    /** Reads the bytes {@code from} to {@code to} of the extent. */
    public byte[] read(int from, int to) {
      byte[] target = new byte[to - from];
      read(from, target, 0, target.length);
      return target;
    }

    /** Reads some bytes of the extent into an array. */
    void read(int from, byte[] target, int at, int size) {
      Objects.checkFromIndexSize(from, size, length);
      if (pageEnds == null) {
        shared.file.read(position + from, target, at, at + size);
      } else if (size > 0) {
        readPages(pageEnds, from, target, at, size);
      }
    }

    private void readPages(int[] ends, int from, byte[] target, int at, int size) {
      int first = from / CompressedPages.PAGE_BYTES;
      int last = (from + size - 1) / CompressedPages.PAGE_BYTES;
      int start = first == 0 ? 0 : ends[first - 1];
      byte[] stored = new byte[ends[last] - start];
      shared.file.read(position + start, stored, 0, stored.length);
      int pageStart = 0;
      for (int page = first; page <= last; page++) {
        int pageEnd = ends[page] - start;
        int offset = page * CompressedPages.PAGE_BYTES;
        int pageSize = Math.min(CompressedPages.PAGE_BYTES, length - offset);
        int wantedFrom = Math.max(from, offset);
        int wantedTo = Math.min(from + size, offset + pageSize);
        int place = at + wantedFrom - from;
        if (wantedTo - wantedFrom == pageSize) {
          CompressedPages.expand(stored, pageStart, pageEnd, target, place, pageSize);
        } else {
          byte[] whole = new byte[pageSize];
          CompressedPages.expand(stored, pageStart, pageEnd, whole, 0, pageSize);
          System.arraycopy(whole, wantedFrom - offset, target, place, wantedTo - wantedFrom);
        }
        pageStart = pageEnd;
      }
    }

    /** Gives the room back; called once. */
    public void free() {
      shared.release();
    }
  }
}
