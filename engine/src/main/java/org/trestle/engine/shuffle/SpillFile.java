package org.trestle.engine.shuffle;

import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A temporary file: bytes are added at its end, or written over others, and read from anywhere.
 * Safe for use by several threads.
 *
 * <p>Not a file channel, because an interrupt of one reader would close a channel for all.
 */
final class SpillFile implements AutoCloseable {
  private final Path path;
  private final RandomAccessFile file;
  private final Consumer<SpillFile> onClose;
  private long length;
  private boolean closed;

  SpillFile(Path path, Consumer<SpillFile> onClose) throws IOException {
    this.path = path;
    this.file = new RandomAccessFile(path.toFile(), "rw");
    this.onClose = onClose;
  }

  /** Adds bytes and returns the position of the first. */
  synchronized long append(byte[] source, int from, int to) {
    long position = length;
    write(position, source, from, to);
    return position;
  }

  /**
   * Writes bytes at a position, over what is there; beyond the end, what is between is undefined.
   */
  synchronized void write(long position, byte[] source, int from, int to) {
    try {
      file.seek(position);
      file.write(source, from, to - from);
    } catch (IOException e) {
      throw failure("write", to - from, e);
    }
    length = Math.max(length, position + to - from);
  }

  /** Fills a range of the target from this position on. */
  synchronized void read(long position, byte[] target, int from, int to) {
    try {
      if (position + to - from > length) {
        throw new EOFException("beyond the end, which is at " + length);
      }
      file.seek(position);
      file.readFully(target, from, to - from);
    } catch (IOException e) {
      throw failure("read", to - from, e);
    }
  }

  synchronized long length() {
    return length;
  }

  private SpillException failure(String verb, int bytes, IOException cause) {
    File directory = path.toFile().getAbsoluteFile().getParentFile();
    return new SpillException(
        "cannot "
            + verb
            + " "
            + bytes
            + " bytes of spilled data in directory "
            + directory
            + " ("
            + (directory == null ? 0 : directory.getUsableSpace())
            + " bytes free there): "
            + cause.getMessage(),
        cause);
  }

  /** Closes and deletes the file. Idempotent. */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      try {
        file.close();
        Files.deleteIfExists(path);
      } catch (IOException e) {
        throw failure("delete", 0, e);
      }
    }
    onClose.accept(this);
  }
}
