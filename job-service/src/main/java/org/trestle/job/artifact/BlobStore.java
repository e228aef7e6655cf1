package org.trestle.job.artifact;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files named by the SHA-256 digest of their content, so equal content is stored once. A file is
 * written beside its place and moved there whole. Safe for use by several threads.
 */
public final class BlobStore {
  private static final Logger logger = LoggerFactory.getLogger(BlobStore.class);
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  private final Path blobs;
  private final Path incoming;

  public BlobStore(Path root) {
    this.blobs = root.resolve("sha256");
    this.incoming = root.resolve("incoming");
  }

  /** Returns where the content with this digest is, whether or not it is there yet. */
  public Path path(String digest) {
    if (!DIGEST.matcher(digest).matches()) {
      throw new IllegalArgumentException("not a SHA-256 digest: " + digest);
    }
    return blobs.resolve(digest.substring(0, 2)).resolve(digest).toAbsolutePath();
  }

  /** Opens the content with this digest. */
  public InputStream open(String digest) throws IOException {
    return Files.newInputStream(path(digest));
  }

  /** Starts to take in content. */
  public Incoming receive() throws IOException {
    Files.createDirectories(incoming);
    return new Incoming(incoming.resolve(UUID.randomUUID().toString()));
  }

  /** Deletes content that no one needs any more. */
  public void delete(String digest) {
    try {
      Files.deleteIfExists(path(digest));
    } catch (IOException e) {
      logger.warn("artifact {} cannot be deleted: {}", digest, e.toString());
    }
  }

  /** Deletes half-received files and all content outside {@code needed}. For the start only. */
  public void sweep(Set<String> needed) {
    for (Path directory : new Path[] {incoming, blobs}) {
      if (!Files.isDirectory(directory)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          if (directory.equals(incoming) || !needed.contains(file.getFileName().toString())) {
            Files.deleteIfExists(file);
          }
        }
      } catch (IOException e) {
        logger.warn("artifacts in {} cannot be swept: {}", directory, e.toString());
      }
    }
  }

  /** Content on its way in. For one thread at a time; closed without a commit it is deleted. */
  public final class Incoming implements AutoCloseable {
    private final Path file;
    private final MessageDigest digest;
    private final OutputStream out;
    private long size;
    private @Nullable String committed;

    private Incoming(Path file) throws IOException {
      this.file = file;
      try {
        this.digest = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java has SHA-256", e);
      }
      this.out = new DigestOutputStream(Files.newOutputStream(file), digest);
    }

    /** Adds bytes. */
    public void write(ByteString bytes) throws IOException {
      bytes.writeTo(out);
      size += bytes.size();
    }

    /** Bytes taken so far. */
    public long size() {
      return size;
    }

    /** Ends the content and returns its digest; it is not stored yet. */
    public String digest() throws IOException {
      out.close();
      return HexFormat.of().formatHex(digest.digest());
    }

    /** Stores the content under the digest that {@link #digest} returned. */
    public void commit(String digest) throws IOException {
      Path place = path(digest);
      Files.createDirectories(place.getParent());
      Files.move(file, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      committed = digest;
    }

    @Override
    public void close() {
      if (committed != null) {
        return;
      }
      try {
        out.close();
        Files.deleteIfExists(file);
      } catch (IOException e) {
        logger.warn("half-received artifact {}: {}", file, e.toString());
      }
    }
  }
}
