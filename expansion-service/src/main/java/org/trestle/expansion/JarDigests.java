package org.trestle.expansion;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The SHA-256 digests of jars: those that were written down before, and the others by reading the
 * jars. What was written down holds as long as a jar has the size and the time of change that it
 * had. Immutable.
 */
final class JarDigests {
  private static final Logger logger = LoggerFactory.getLogger(JarDigests.class);
  private static final String SEPARATOR = "\t";

  private final Map<String, String> known;

  private JarDigests(Map<String, String> known) {
    this.known = known;
  }

  /** Nothing was written down. */
  static JarDigests none() {
    return new JarDigests(Map.of());
  }

  /** Reads what {@link #write} wrote; a file that cannot be read is as none. */
  static JarDigests read(Path file) {
    Map<String, String> known = new LinkedHashMap<>();
    try {
      for (String line : Files.readAllLines(file)) {
        int separator = line.indexOf(SEPARATOR);
        if (separator > 0) {
          known.put(line.substring(separator + 1), line.substring(0, separator));
        }
      }
    } catch (IOException e) {
      logger.warn("digests of jars are computed anew: {} cannot be read", file, e);
    }
    return new JarDigests(known);
  }

  /** Writes down the digests of jars, which are not changed meanwhile. */
  static void write(Path file, List<Path> jars) throws IOException {
    List<String> lines = new ArrayList<>();
    for (Path jar : jars) {
      lines.add(computed(jar) + SEPARATOR + state(jar));
    }
    Files.write(file, lines);
  }

  /**
   * Returns the digest of a jar, in hexadecimal.
   *
   * @throws UncheckedIOException if the jar cannot be read
   */
  String of(Path jar) {
    try {
      String digest = known.get(state(jar));
      return digest == null ? computed(jar) : digest;
    } catch (IOException e) {
      throw new UncheckedIOException("jar " + jar + " cannot be read", e);
    }
  }

  private static String state(Path jar) throws IOException {
    return Files.size(jar)
        + SEPARATOR
        + Files.getLastModifiedTime(jar).toMillis()
        + SEPARATOR
        + jar;
  }

  private static String computed(Path jar) throws IOException {
    try (InputStream content =
        new DigestInputStream(Files.newInputStream(jar), MessageDigest.getInstance("SHA-256"))) {
      content.transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(((DigestInputStream) content).getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
