package org.trestle.job.command;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The expansion service that was started with this service: a process of its own, as the Beam Java
 * SDK and Trestle do not fit on one class path. It ends with this process at the latest.
 *
 * <p>A thread reads what it prints on standard output; its log goes to the log of this service.
 */
final class ExpansionProcess implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(ExpansionProcess.class);
  private static final Duration START = Duration.ofSeconds(60);
  private static final Duration STOP = Duration.ofSeconds(5);

  private final Process process;
  private final CountDownLatch readyOrOver = new CountDownLatch(1);
  private volatile boolean ready;
  private volatile boolean closing;

  private ExpansionProcess(Process process) {
    this.process = process;
    Thread reader = new Thread(this::read, "trestle-expansion");
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Starts the process.
   *
   * @param launcher the script {@code trestle}
   * @throws IOException if it cannot be run
   */
  static ExpansionProcess start(Path launcher, String host, int port) throws IOException {
    return new ExpansionProcess(
        new ProcessBuilder(
                launcher.toString(),
                "expansion",
                "--host",
                host,
                "--port",
                Integer.toString(port),
                "--with-parent")
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start());
  }

  /**
   * Waits until it accepts requests.
   *
   * @throws IOException if it ends instead, or takes longer than a minute
   */
  void awaitReady() throws IOException, InterruptedException {
    boolean inTime = readyOrOver.await(START.toMillis(), TimeUnit.MILLISECONDS);
    if (!ready) {
      close();
      throw new IOException(
          inTime
              ? "the expansion service did not start; its messages are above"
              : "the expansion service was not ready after " + START.toSeconds() + " s");
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  private void read() {
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        if (line.equals("ready")) {
          ready = true;
          readyOrOver.countDown();
        }
      }
    } catch (IOException e) {
      logger.debug("output of the expansion service ended", e);
    }
    if (ready && !closing) {
      logger.error("the expansion service has ended; restart this service to have it again");
    }
    readyOrOver.countDown();
  }

  /** Stops it and waits, some seconds at most. */
  @Override
  public void close() {
    closing = true;
    process.destroy();
    try {
      if (!process.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
