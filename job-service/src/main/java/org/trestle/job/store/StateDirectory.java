package org.trestle.job.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory a service keeps everything in, held by one service at a time: {@code jobs/}, {@code
 * artifacts/}, {@code engine/}, {@code service-id}.
 */
public final class StateDirectory implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(StateDirectory.class);

  private final Path root;
  private final FileChannel lockFile;

  private StateDirectory(Path root, FileChannel lockFile) {
    this.root = root;
    this.lockFile = lockFile;
  }

  /**
   * Opens and locks the directory, making it if needed.
   *
   * @throws IOException if it cannot be made or written, or another service holds it; the message
   *     says what to do
   */
  public static StateDirectory open(Path root) throws IOException {
    FileChannel channel = null;
    try {
      Files.createDirectories(root);
      channel =
          FileChannel.open(
              root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (lock(channel) != null) {
        return new StateDirectory(root, channel);
      }
    } catch (IOException e) {
      if (channel != null) {
        channel.close();
      }
      throw new IOException(
          "state directory "
              + root
              + " cannot be used ("
              + e
              + "); choose another with --state-dir",
          e);
    }
    channel.close();
    throw new IOException(
        "state directory "
            + root
            + " is in use by another service; stop that one or choose another with --state-dir");
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  /** Where artifacts are stored. */
  public Path artifacts() {
    return root.resolve("artifacts");
  }

  /** Where the engine may spill and keep state. */
  public Path engine() {
    return root.resolve("engine");
  }

  /**
   * Names the service over all its runs: a random id that the directory keeps.
   *
   * @throws IOException if it cannot be read or written
   */
  public String serviceId() throws IOException {
    Path file = root.resolve("service-id");
    if (!Files.exists(file)) {
      Path written =
          Files.writeString(root.resolve("service-id.new"), UUID.randomUUID().toString());
      Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return Files.readString(file);
  }

  /** The files of a job. */
  public JobDirectory job(String id) {
    return new JobDirectory(root.resolve("jobs").resolve(id));
  }

  /** Reads the descriptions of all jobs; damaged ones are left out and named in the log. */
  public List<JobDescription> readJobs() throws IOException {
    Path jobs = root.resolve("jobs");
    Files.createDirectories(jobs);
    List<JobDescription> found = new ArrayList<>();
    try (Stream<Path> directories = Files.list(jobs)) {
      for (Path directory : directories.toList()) {
        try {
          found.add(new JobDirectory(directory).readDescription());
        } catch (IOException e) {
          logger.warn("left out of the list of jobs: {} ({})", directory, e.toString());
        }
      }
    }
    return found;
  }

  /** Deletes the files of a job; what cannot be deleted is named in the log. */
  public void deleteJob(String id) {
    try {
      job(id).delete();
    } catch (IOException e) {
      logger.warn("files of job {} cannot be deleted: {}", id, e.toString());
    }
  }

  @Override
  public void close() {
    try {
      lockFile.close();
    } catch (IOException e) {
      logger.warn("lock of {}: {}", root, e.toString());
    }
  }
}
