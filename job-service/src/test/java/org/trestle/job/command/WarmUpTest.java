package org.trestle.job.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingService;

final class WarmUpTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  @TempDir Path directory = Path.of(".");

  @Test
  void runsAsManyJobsAsItIsTold() throws Exception {
    Path own = directory.resolve("own");
    // With one that has much data.
    assertThat(WarmUp.run(own, 20, LONG, () -> true)).isEqualTo(20);
    assertThat(own).doesNotExist();
  }

  @Test
  void stopsWhenTheServiceHasWork() throws Exception {
    assertThat(WarmUp.run(directory.resolve("own"), 100, LONG, () -> false)).isEqualTo(1);
  }

  @Test
  void stopsWhenTheTimeIsOver() throws Exception {
    assertThat(WarmUp.run(directory.resolve("own"), 100, Duration.ZERO, () -> true)).isEqualTo(1);
  }

  @Test
  void aServiceHasWorkFromThePreparationToTheEndOfAJob() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      assertThat(service.jobs().isIdle()).isTrue();
      String preparation = service.prepare(TestingService.PIPELINE).getPreparationId();
      assertThat(service.jobs().isIdle()).isFalse();
      String job = service.run(preparation);
      assertThat(service.jobs().isIdle()).isFalse();
      service.engine().next().finish();
      service.messages(job).forEachRemaining(message -> {});
      assertThat(service.jobs().isIdle()).isTrue();
    }
  }
}
