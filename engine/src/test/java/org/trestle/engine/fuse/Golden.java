package org.trestle.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Compares texts with files in {@code src/test/resources/plans}. Run tests with {@code
 * -Dgolden.update=true} to write the files instead.
 */
final class Golden {
  private static final Path FOLDER = Path.of("src", "test", "resources", "plans");

  private Golden() {}

  static void check(String name, String text) {
    Path file = FOLDER.resolve(name + ".plan.txt");
    try {
      if (Boolean.getBoolean("golden.update")) {
        Files.createDirectories(FOLDER);
        Files.writeString(file, text);
      }
      assertThat(text).as("the plan in %s", file).isEqualTo(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use the golden file " + file, e);
    }
  }
}
