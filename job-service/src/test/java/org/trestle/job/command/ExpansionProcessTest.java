package org.trestle.job.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExpansionProcessTest {
  @TempDir private Path directory;

  @Test
  void isReadyWhenItSaysSoAndEndsWhenClosed() throws Exception {
    Path told = directory.resolve("told");
    Path launcher =
        launcher("echo \"$@\" > " + told + "; echo building; echo ready; exec sleep 100");
    ExpansionProcess process = ExpansionProcess.start(launcher, "127.0.0.1", 8097);
    process.awaitReady();
    assertThat(Files.readString(told))
        .isEqualTo("expansion --host 127.0.0.1 --port 8097 --with-parent\n");
    process.close();
    assertThat(process.isAlive()).isFalse();
  }

  @Test
  void tellsWhenItEndsInsteadOfBeingReady() throws Exception {
    ExpansionProcess process = ExpansionProcess.start(launcher("exit 2"), "127.0.0.1", 8097);
    assertThatThrownBy(process::awaitReady)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("did not start");
  }

  private Path launcher(String script) throws IOException {
    Path file = Files.writeString(directory.resolve("trestle"), "#!/bin/sh\n" + script + "\n");
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
  }
}
