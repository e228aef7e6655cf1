package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
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

  @Property(tries = 200)
  void readsAnyPartOfWhatCompresses(
      @ForAll @IntRange(min = 1, max = 200_000) int size,
      @ForAll @IntRange(max = 1000) int from,
      @ForAll @IntRange(max = 1000) int to,
      @ForAll @IntRange(min = 1, max = 16) int randomBytesOf16) {
    byte[] source = new byte[size];
    Random random = new Random(size);
    for (int i = 0; i < size; i++) {
      source[i] = (byte) (i % 16 < randomBytesOf16 ? random.nextInt() : 0);
    }
    int start = (int) ((long) size * Math.min(from, to) / 1000);
    int end = (int) ((long) size * Math.max(from, to) / 1000);
    try (SpillFiles files = TestingElements.files()) {
      files.write(source, 0, Math.min(size, 100));
      SpillFiles.Extent extent = files.write(source, 0, size);

      assertThat(extent.read(start, end)).isEqualTo(Arrays.copyOfRange(source, start, end));
    }
  }

  @Test
  void compressesWherePagesShrink() {
    try (SpillFiles files = TestingElements.files()) {
      byte[] zeros = new byte[1 << 20];
      files.write(zeros, 0, zeros.length);
      assertThat(files.bytesOnDisk()).isLessThan(zeros.length / 50);

      byte[] noise = new byte[1 << 20];
      new Random(1).nextBytes(noise);
      long before = files.bytesOnDisk();
      files.write(noise, 0, noise.length);
      assertThat(files.bytesOnDisk() - before).isEqualTo(noise.length);
    }
  }

  @Test
  void triesAgainToCompressAfterSomeFailures() {
    byte[] noise = new byte[CompressedPages.PAGE_BYTES];
    new Random(1).nextBytes(noise);
    byte[] zeros = new byte[noise.length];
    try (SpillFiles files = TestingElements.files()) {
      files.write(noise, 0, noise.length);
      for (int i = 0; i < 10; i++) {
        files.write(zeros, 0, zeros.length);
      }

      assertThat(files.bytesOnDisk()).isLessThan(9L * noise.length);
    }
  }

  @Test
  void keepsPagesAsTheyAreThatDoNotShrink() {
    byte[] mixed = new byte[3 * CompressedPages.PAGE_BYTES];
    byte[] noise = new byte[CompressedPages.PAGE_BYTES];
    new Random(1).nextBytes(noise);
    System.arraycopy(noise, 0, mixed, noise.length, noise.length);
    try (SpillFiles files = TestingElements.files()) {
      SpillFiles.Extent extent = files.write(mixed, 0, mixed.length);

      assertThat(files.bytesOnDisk()).isBetween((long) noise.length, noise.length + 2000L);
      assertThat(extent.read(0, mixed.length)).isEqualTo(mixed);
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
