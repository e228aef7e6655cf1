package org.trestle.fn.environment;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.Timestamp;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.ProcessPayload;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.WorkerSpec.LogSink;

/**
 * A harness that is a process on this machine, started like the boot program of an SDK container.
 *
 * <p>What it prints goes to the worker's log, as debug entries because harnesses print what they
 * also log, and its last lines explain an unexpected exit. It is stopped in steps: the end of its
 * control stream, a polite signal, then force, each also for the processes it has started.
 */
final class ProcessWorker implements EnvironmentWorkers.Host {
  private static final Logger log = LoggerFactory.getLogger(ProcessWorker.class);

  private static final int TAIL_LINES = 20;
  private static final int MAX_LINE_CHARS = 4000;

  private final String command;
  private final String workerId;
  private final LogSink logs;
  private final EnvironmentOptions options;
  private final ScheduledExecutorService timer;
  private final @Nullable Process process;
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final CompletableFuture<String> ended = new CompletableFuture<>();
  private final CompletableFuture<Void> outputEnded = new CompletableFuture<>();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final AtomicBoolean stopping = new AtomicBoolean();

  @GuardedBy("tail")
  private final ArrayDeque<String> tail = new ArrayDeque<>();

  /** Starts the process. */
  ProcessWorker(
      ProcessPayload payload,
      String workerId,
      ApiServiceDescriptor runner,
      LogSink logs,
      EnvironmentOptions options,
      ScheduledExecutorService timer) {
    this.command = payload.getCommand();
    this.workerId = workerId;
    this.logs = logs;
    this.options = options;
    this.timer = timer;
    this.process = launch(payload, runner.getUrl());
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
            .thenRun(() -> ended.complete("it exited with code " + process.exitValue() + tail()));
  }

  private @Nullable Process launch(ProcessPayload payload, String url) {
    ProcessBuilder builder =
        new ProcessBuilder(
            command,
            "--id=" + workerId,
            "--provision_endpoint=" + url,
            "--logging_endpoint=" + url,
            "--artifact_endpoint=" + url,
            "--control_endpoint=" + url);
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
    return ended
        .thenApply(exit -> exit)
        .completeOnTimeout(how + tail(), 1500, TimeUnit.MILLISECONDS);
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
    try (BufferedReader reader = from.inputReader(StandardCharsets.UTF_8)) {
      StringBuilder line = new StringBuilder();
      for (int c = reader.read(); c != -1; c = reader.read()) {
        if (c == '\n') {
          printed(line.toString());
          line.setLength(0);
        } else if (line.length() < MAX_LINE_CHARS) {
          line.append((char) c);
        }
      }
      if (!line.isEmpty()) {
        printed(line.toString());
      }
    } catch (IOException e) {
      log.debug("output of {} ended", this, e);
    } finally {
      outputEnded.complete(null);
    }
  }

  private void printed(String line) {
    synchronized (tail) {
      tail.add(line);
      if (tail.size() > TAIL_LINES) {
        tail.remove();
      }
    }
    Instant now = Instant.now();
    try {
      logs.log(
          workerId,
          LogEntry.newBuilder()
              .setSeverity(LogEntry.Severity.Enum.DEBUG)
              .setTimestamp(
                  Timestamp.newBuilder().setSeconds(now.getEpochSecond()).setNanos(now.getNano()))
              .setLogLocation("process output")
              .setMessage(line)
              .build());
    } catch (RuntimeException e) {
      log.warn("log sink failed, {}", this, e);
    }
  }

  private String tail() {
    synchronized (tail) {
      return tail.isEmpty() ? "" : "; its last output:\n" + String.join("\n", tail);
    }
  }

  @Override
  public String toString() {
    return "process '" + command + "'";
  }
}
