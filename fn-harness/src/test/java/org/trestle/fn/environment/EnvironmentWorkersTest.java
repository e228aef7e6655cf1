package org.trestle.fn.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Struct;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.ProcessPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardEnvironments.Environments;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.TestingPool.Manner;
import org.trestle.fn.environment.WorkerFactory.StartedWorker;
import org.trestle.fn.server.FnServer;
import org.trestle.fn.server.FnServerOptions;
import org.trestle.fn.server.TestingHarness;
import org.trestle.proto.Urns;

class EnvironmentWorkersTest {
  private static final DockerOptions DOCKER = DockerOptions.of("environment-workers-test");

  private final BlockingQueue<String> logs = new LinkedBlockingQueue<>();
  private final WorkerSpec spec =
      new WorkerSpec(
          "job-1",
          "env-1",
          Struct.getDefaultInstance(),
          List.of(),
          artifact -> {
            throw new IOException("no such artifact");
          },
          id -> null,
          (workerId, entry) -> logs.add(entry.getMessage()));
  private FnServer server;
  private EnvironmentWorkers workers;

  @BeforeEach
  void start() throws Exception {
    server = FnServer.start(FnServerOptions.defaults());
    workers =
        new EnvironmentWorkers(server, EnvironmentOptions.defaults(), DOCKER, Optional.empty());
  }

  @AfterEach
  void close() {
    workers.close();
    server.close();
  }

  /** Deadlines so short that a test can wait for them, but for the pool's. */
  private void hurry(Duration poolTimeout) {
    workers.close();
    Duration moment = Duration.ofMillis(200);
    workers =
        new EnvironmentWorkers(
            server, new EnvironmentOptions(poolTimeout, moment, moment), DOCKER, Optional.empty());
  }

  private static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  private String failureOf(Environment environment) throws Exception {
    try {
      throw new AssertionError("started " + await(workers.start(environment, spec)));
    } catch (ExecutionException e) {
      assertThat(e).hasCauseInstanceOf(WorkerStartException.class);
      return String.valueOf(e.getMessage());
    }
  }

  private void nextWorkerStarts() throws Exception {
    try (TestingPool pool = new TestingPool(Manner.START, TestingHarness.echo())) {
      StartedWorker next = await(workers.start(pool.environment(), spec));
      next.stop();
      assertThat(pool.stopped().poll(30, TimeUnit.SECONDS)).isEqualTo(next.worker().id());
    }
  }

  @Test
  void startsAndStopsAWorkerOfAPool() throws Exception {
    try (TestingPool pool = new TestingPool(Manner.START, TestingHarness.echo())) {
      StartedWorker worker = await(workers.start(pool.environment(), spec));

      var request = pool.started().take();
      assertThat(request.getWorkerId()).isEqualTo(worker.worker().id());
      assertThat(
              List.of(
                  request.getControlEndpoint(),
                  request.getLoggingEndpoint(),
                  request.getArtifactEndpoint(),
                  request.getProvisionEndpoint()))
          .containsOnly(server.endpoint());
      assertThat(request.getParamsMap()).containsEntry("colour", "blue");

      worker.stop();
      worker.stop();
      assertThat(pool.stopped().poll(30, TimeUnit.SECONDS)).isEqualTo(worker.worker().id());
      assertThat(await(worker.worker().lost())).isEqualTo("it was stopped");
    }
  }

  @Test
  void namesAPoolThatIsGone() throws Exception {
    TestingPool pool = new TestingPool(Manner.START, TestingHarness.echo());
    Environment environment = pool.environment();
    String url = EnvironmentResolver.external(environment).getEndpoint().getUrl();
    pool.close();

    assertThat(failureOf(environment))
        .contains("worker pool at " + url, "UNAVAILABLE", "check that the pool still runs");
    nextWorkerStarts();
  }

  @Test
  void namesAPoolWithAnImpossibleAddress() throws Exception {
    assertThat(failureOf(TestingPool.environment("::no address::"))).contains("::no address::");
    nextWorkerStarts();
  }

  @Test
  void tellsWhyAPoolRefuses() throws Exception {
    try (TestingPool pool = new TestingPool(Manner.REFUSE, TestingHarness.echo())) {
      assertThat(failureOf(pool.environment())).contains("refused to start a worker: no room");
    }
    nextWorkerStarts();
  }

  @Test
  void doesNotWaitForeverForAHarnessThatNeverConnects() throws Exception {
    hurry(Duration.ofSeconds(30));
    try (TestingPool pool = new TestingPool(Manner.PRETEND, TestingHarness.echo())) {
      assertThat(failureOf(pool.environment()))
          .contains("did not connect to " + server.endpoint().getUrl() + " within");
      assertThat(pool.stopped().poll(30, TimeUnit.SECONDS)).isNotNull();
    }
  }

  @Test
  void doesNotWaitForeverForAPool() throws Exception {
    hurry(Duration.ofMillis(200));
    try (TestingPool pool = new TestingPool(Manner.HANG, TestingHarness.echo())) {
      assertThat(failureOf(pool.environment())).contains("worker pool at");
    }
  }

  @Test
  void tellsHowAProcessEndedBeforeItConnected(@TempDir Path directory) throws Exception {
    Path command =
        script(
            directory,
            """
            #!/bin/sh
            echo "cannot find $WHAT"
            echo "arguments: $1" >&2
            exit 3
            """);

    assertThat(failureOf(process(command)))
        .contains("process '" + command + "' did not connect", "it exited with code 3")
        .contains("cannot find the module", "arguments: --id=w-");
    assertThat(logs).contains("cannot find the module");
    nextWorkerStarts();
  }

  @Test
  void stopsAProcessThatNeverConnectsAndItsChildren(@TempDir Path directory) throws Exception {
    Path command =
        script(
            directory,
            """
            #!/bin/sh
            trap '' TERM
            sleep 1000 &
            echo "child $!"
            wait
            sleep 1000
            """);
    hurry(Duration.ofSeconds(30));

    assertThat(failureOf(process(command))).contains("did not connect");

    String printed = logs.poll(30, TimeUnit.SECONDS);
    assertThat(printed).startsWith("child ");
    var child = ProcessHandle.of(Long.parseLong(printed.substring("child ".length())));
    if (child.isPresent()) {
      await(child.get().onExit());
    }
  }

  @Test
  void tellsOfACommandThatIsNoExecutable(@TempDir Path directory) throws Exception {
    assertThat(failureOf(process(directory.resolve("missing"))))
        .contains("no executable file '" + directory.resolve("missing") + "'");
    Path garbage = script(directory, "no interpreter");
    Files.writeString(garbage, "\u0001\u0002");
    assertThat(failureOf(process(garbage))).contains("process '" + garbage + "'");
  }

  @Test
  void choosesAmongAlternatives(@TempDir Path directory) throws Exception {
    Environment docker = Environment.newBuilder().setUrn(Urns.of(Environments.DOCKER)).build();
    Environment missing = process(directory.resolve("missing"));
    Environment present = process(script(directory, "#!/bin/sh\n"));
    Environment pool = TestingPool.environment("localhost:1");

    assertThat(workers.resolve(anyOf(docker, missing, present))).isEqualTo(present);
    assertThat(workers.resolve(anyOf(docker, present, anyOf(pool)))).isEqualTo(present);
    assertThat(workers.resolve(anyOf(docker, present, pool))).isEqualTo(pool);
    assertThatThrownBy(() -> workers.resolve(anyOf(docker, missing)))
        .isInstanceOf(UnsupportedEnvironmentException.class)
        .hasMessageContaining("none of 2 alternatives works here")
        .hasMessageContaining("no executable file")
        .hasMessageContaining("the payload names no image");
  }

  @Test
  void refusesWhatItCannotStart() {
    assertThatThrownBy(
            () ->
                workers.resolve(
                    Environment.newBuilder().setUrn(Urns.of(Environments.DEFAULT)).build()))
        .isInstanceOf(UnsupportedEnvironmentException.class)
        .hasMessageContaining("environment_type");
    assertThatThrownBy(() -> workers.resolve(Environment.newBuilder().setUrn("odd").build()))
        .hasMessage("unknown environment 'odd'");
  }

  private static Environment anyOf(Environment... alternatives) {
    return Environment.newBuilder()
        .setUrn(Urns.of(Environments.ANYOF))
        .setPayload(
            org.apache.beam.model.pipeline.v1.RunnerApi.AnyOfEnvironmentPayload.newBuilder()
                .addAllEnvironments(List.of(alternatives))
                .build()
                .toByteString())
        .build();
  }

  private static Environment process(Path command) {
    return Environment.newBuilder()
        .setUrn(Urns.of(Environments.PROCESS))
        .setPayload(
            ProcessPayload.newBuilder()
                .setCommand(command.toString())
                .putEnv("WHAT", "the module")
                .build()
                .toByteString())
        .build();
  }

  private static Path script(Path directory, String text) throws IOException {
    Path file = Files.createTempFile(directory, "boot", ".sh");
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    return file;
  }
}
