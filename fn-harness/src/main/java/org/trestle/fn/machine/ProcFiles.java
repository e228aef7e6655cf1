package org.trestle.fn.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Reads files of the kernel. */
final class ProcFiles {
  private ProcFiles() {}

  /** The lines of a file; none if it cannot be read. */
  static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException unreadable) {
      return List.of();
    }
  }

  /** The number of kibibytes that a line {@code KEY: NUMBER kB} gives, in bytes; 0 without one. */
  static long bytes(Path file, String key) {
    for (String line : lines(file)) {
      if (line.startsWith(key + ":")) {
        String[] words = line.substring(key.length() + 1).trim().split("\\s+");
        return Long.parseLong(words[0]) << 10;
      }
    }
    return 0;
  }
}
