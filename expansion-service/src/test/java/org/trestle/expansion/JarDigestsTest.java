package org.trestle.expansion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JarDigestsTest {
  private static final String OF_ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  private static final String OF_ABD =
      "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9";
  private static final FileTime CHANGED = FileTime.fromMillis(1_700_000_000_000L);

  @TempDir Path directory;
  private Path jar;
  private Path written;

  @BeforeEach
  void writeDown() throws IOException {
    jar = Files.writeString(directory.resolve("transforms.jar"), "abc");
    Files.setLastModifiedTime(jar, CHANGED);
    written = directory.resolve("digests");
    JarDigests.write(written, List.of(jar));
  }

  @Test
  void computesWhatWasNotWrittenDown() {
    assertThat(JarDigests.none().of(jar)).isEqualTo(OF_ABC);
  }

  @Test
  void takesWhatWasWrittenDownWithoutReadingTheJar() throws IOException {
    Files.writeString(jar, "abd");
    Files.setLastModifiedTime(jar, CHANGED);

    assertThat(JarDigests.read(written).of(jar)).isEqualTo(OF_ABC);
  }

  @Test
  void readsAJarThatHasChangedSince() throws IOException {
    Files.writeString(jar, "abd");
    Files.setLastModifiedTime(jar, FileTime.fromMillis(CHANGED.toMillis() + 1));

    assertThat(JarDigests.read(written).of(jar)).isEqualTo(OF_ABD);
  }

  @Test
  void computesAllWithoutTheFile() {
    assertThat(JarDigests.read(directory.resolve("none")).of(jar)).isEqualTo(OF_ABC);
  }

  @Test
  void namesAJarThatIsNotThere() {
    Path gone = directory.resolve("gone.jar");

    assertThatThrownBy(() -> JarDigests.none().of(gone))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(gone.toString());
  }
}
