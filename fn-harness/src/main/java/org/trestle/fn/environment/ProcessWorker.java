package org.trestle.fn.environment;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.ProcessPayload;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.WorkerSpec.LogSink;

/**
 * A harness that is a process on this machine, started like the boot program of an SDK container.
 *
 * <p>It is stopped in steps: the end of its control stream, a polite signal, then force, each also
 * for the processes it has started.
 */
final class ProcessWorker implements EnvironmentWorkers.Host {
  private static final Logger log = LoggerFactory.getLogger(ProcessWorker.class);

  private final String command;
  private final HarnessOutput output;
  private final EnvironmentOptions options;
  private final ScheduledExecutorService timer;
  private final @Nullable Process process;
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final CompletableFuture<String> ended = new CompletableFuture<>();
  private final CompletableFuture<Void> outputEnded = new CompletableFuture<>();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final AtomicBoolean stopping = new AtomicBoolean();

  /** Starts the process. */
  ProcessWorker(
      ProcessPayload payload,
      String workerId,
      ApiServiceDescriptor runner,
      LogSink logs,
      EnvironmentOptions options,
      ScheduledExecutorService timer) {
    this.command = payload.getCommand();
    this.output = new HarnessOutput(workerId, "process output", logs);
    this.options = options;
    this.timer = timer;
    this.process = launch(payload, workerId, runner);
    if (process == null) {
      return;
    }
    started.complete(null);
    Thread reader = new Thread(() -> readOutput(process), "fn-process-" + process.pid());
    reader.setDaemon(true);
    reader.start();
    // A grandchild may keep the output open, so the exit does not wait for its end for long.
    var unused =
        process
            .onExit()
            .thenCompose(exited -> outputEnded.completeOnTimeout(null, 500, TimeUnit.MILLISECONDS))
            .thenRun(
                () -> ended.complete("it exited with code " + process.exitValue() + output.tail()));
  }

  private @Nullable Process launch(
      ProcessPayload payload, String workerId, ApiServiceDescriptor runner) {
    List<String> words = new ArrayList<>(List.of(command));
    words.addAll(BootArguments.of(workerId, runner));
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.redirectErrorStream(true);
    builder.redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
    try {
      builder.environment().putAll(payload.getEnvMap());
      return builder.start();
    } catch (IOException | IllegalArgumentException e) {
      started.completeExceptionally(
          new WorkerStartException(this + " cannot be started: " + e.getMessage()));
      return null;
    }
  }

  @Override
  public CompletableFuture<Void> started() {
    return started;
  }

  @Override
  public CompletableFuture<String> ended() {
    return ended;
  }

  @Override
  public CompletableFuture<String> explain(String how) {
    return output.explain(ended, how);
  }

  @Override
  public CompletableFuture<Void> stop() {
    Process running = process;
    if (running == null) {
      stopped.complete(null);
    } else if (stopping.compareAndSet(false, true)) {
      List<ProcessHandle> family = family(running);
      var unused = running.onExit().thenRun(() -> finish(running, family));
      long grace = options.exitGrace().toMillis();
      try {
        // Ending its control stream has asked it already; a moment to do so by itself.
        var polite =
            timer.schedule(
                () -> family(running).forEach(ProcessHandle::destroy),
                Math.min(500, grace / 2),
                TimeUnit.MILLISECONDS);
        var force = timer.schedule(() -> kill(running, family), grace, TimeUnit.MILLISECONDS);
        assert polite != null && force != null;
      } catch (RejectedExecutionException e) {
        kill(running, family);
      }
    }
    return stopped;
  }

  /** The process is over; what it has left behind is killed. */
  private void finish(Process ended, List<ProcessHandle> family) {
    kill(ended, family);
    stopped.complete(null);
  }

  private static void kill(Process process, List<ProcessHandle> family) {
    Stream.concat(family(process).stream(), family.stream())
        .filter(ProcessHandle::isAlive)
        .forEach(ProcessHandle::destroyForcibly);
  }

  private static List<ProcessHandle> family(Process process) {
    List<ProcessHandle> family = new ArrayList<>();
    family.add(process.toHandle());
    process.descendants().forEach(family::add);
    return family;
  }

  private void readOutput(Process from) {
    LineSplitter lines = new LineSplitter(output::printed);
    try (InputStream printed = from.getInputStream()) {
      byte[] buffer = new byte[8192];
      for (int read = printed.read(buffer); read != -1; read = printed.read(buffer)) {
        lines.accept(buffer, read);
      }
      lines.end();
    } catch (IOException e) {
      log.debug("output of {} ended", this, e);
    } finally {
      outputEnded.complete(null);
    }
  }

  @Override
  public String toString() {
    return "process '" + command + "'";
  }
}
