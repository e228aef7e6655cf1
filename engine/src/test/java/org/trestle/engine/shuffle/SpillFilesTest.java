package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpillFilesTest {

  @TempDir Path temporary;

  @Test
  void makesItsDirectoryOnlyWhenNeeded() {
    Path directory = temporary.resolve("job-1");
    try (SpillFiles files = new SpillFiles(directory)) {
      assertThat(directory).doesNotExist();
      files.write(new byte[] {1, 2, 3}, 1, 3);
      assertThat(directory).isDirectory();
    }
    assertThat(directory).doesNotExist();
  }

  @Test
  void readsBackWhatItWrote() {
    try (SpillFiles files = new SpillFiles(temporary.resolve("job-1"))) {
      files.write(new byte[] {9, 9}, 0, 2);
      SpillFiles.Extent extent = files.write(new byte[] {1, 2, 3, 4}, 1, 4);

      assertThat(extent.read(0, 3)).containsExactly(2, 3, 4);
      assertThat(extent.read(1, 2)).containsExactly(3);
      assertThatThrownBy(() -> extent.read(1, 4)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void saysWhichDirectoryCannotBeWritten() throws IOException {
    Path file = Files.createFile(temporary.resolve("not-a-directory"));
    try (SpillFiles files = new SpillFiles(file.resolve("job-1"))) {
      assertThatThrownBy(() -> files.write(new byte[10], 0, 10))
          .isInstanceOf(SpillException.class)
          .hasMessageContaining("not-a-directory/job-1");
    }
  }

  @Test
  void aFailedWriteNamesDirectoryAndSize() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full));
    Path link = Files.createSymbolicLink(temporary.resolve("spill"), full);
    try (SpillFile file = new SpillFile(link, any -> {})) {
      assertThatThrownBy(() -> file.append(new byte[100], 0, 100))
          .isInstanceOf(SpillException.class)
          .hasMessageContaining("cannot write 100 bytes of spilled data in directory " + temporary)
          .hasMessageContaining("No space left on device");
    }
  }
}
