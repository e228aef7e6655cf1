package org.trestle.job.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateDirectoryTest {
  @TempDir Path directory;

  private String serviceId(String name) throws IOException {
    try (StateDirectory state = StateDirectory.open(directory.resolve(name))) {
      return state.serviceId();
    }
  }

  @Test
  void keepsTheIdOfItsServiceOverRestarts() throws IOException {
    String first = serviceId("one");

    assertThat(first).isNotBlank();
    assertThat(serviceId("one")).isEqualTo(first);
    assertThat(serviceId("other")).isNotEqualTo(first);
  }
}
