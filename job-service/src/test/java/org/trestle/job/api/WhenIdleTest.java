package org.trestle.job.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.TestingEngine.Execution;
import org.trestle.job.TestingService;

final class WhenIdleTest {
  private static final int PATIENCE_SECONDS = 20;

  @TempDir Path directory = Path.of(".");

  private final BlockingQueue<Long> running = new LinkedBlockingQueue<>();

  @Test
  void comesAfterEachJob() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      service.whenIdle(Duration.ZERO, () -> running.add(service.jobs().running()));
      service.runsAnotherJob();
      assertThat(next()).isZero();
      service.runsAnotherJob();
      assertThat(next()).isZero();
    }
  }

  @Test
  void doesNotComeWhileThereIsWork() throws Exception {
    try (TestingService service = TestingService.start(directory)) {
      service.whenIdle(Duration.ZERO, () -> running.add(service.jobs().running()));
      String first = service.run();
      Execution firstExecution = service.engine().next();
      service.run();
      Execution secondExecution = service.engine().next();
      firstExecution.finish();
      service.messages(first).forEachRemaining(message -> {});
      secondExecution.finish();
      assertThat(next()).isZero();
    }
  }

  private @Nullable Long next() throws InterruptedException {
    return running.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }
}
