package org.trestle.engine.shuffle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The temporary files of a job, in a directory of its own that is made when first needed and
 * deleted on close. Safe for use by several threads.
 */
public final class SpillFiles implements AutoCloseable {
  /** Extents share files of about this size; a file goes when all its extents are free. */
  private static final long SHARED_FILE_BYTES = 64L << 20;

  private final Path directory;
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

  /** Writes bytes that will be freed one day. */
  public Extent write(byte[] source, int from, int to) {
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
    try {
      return new Extent(target, target.file.append(source, from, to), to - from);
    } catch (RuntimeException e) {
      target.release();
      throw e;
    }
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
    files.forEach(SpillFile::close);
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

  /** A range of bytes on disk. */
  public static final class Extent {
    private final SharedFile shared;
    private final long position;
    private final int length;

    Extent(SharedFile shared, long position, int length) {
      this.shared = shared;
      this.position = position;
      this.length = length;
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
      shared.file.read(position + from, target, at, at + size);
    }

    /** Gives the room back; called once. */
    public void free() {
      shared.release();
    }
  }
}
