package org.trestle.fn.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.beam.model.pipeline.v1.RunnerApi.AnyOfEnvironmentPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.TestingDocker.TestingContainer;
import org.trestle.fn.environment.WorkerFactory.StartedWorker;
import org.trestle.fn.server.FnServer;
import org.trestle.fn.server.FnServerOptions;
import org.trestle.fn.server.TestingHarness;
import org.trestle.proto.Urns;

/** Containers on an engine that answers like Docker's. */
class DockerEnvironmentTest {
  private static final String IMAGE = "example/sdk:1";

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
  private TestingDocker docker;
  private DockerOptions options;
  private EnvironmentWorkers workers;
  private volatile TestingDocker.Behaviour behaviour = this::boot;

  @BeforeEach
  void start() throws Exception {
    server = FnServer.start(FnServerOptions.defaults());
    docker = new TestingDocker(container -> behaviour.run(container));
    docker.images.add(IMAGE);
    options = DockerOptions.of("service-1").withAddress(docker.address());
    workers =
        new EnvironmentWorkers(server, EnvironmentOptions.defaults(), options, Optional.empty());
  }

  @AfterEach
  void close() {
    workers.close();
    docker.close();
    server.close();
  }

  /** Does what a boot program does: a harness connects, and its end is the container's. */
  private void boot(TestingContainer container) {
    TestingHarness harness =
        TestingHarness.connect(
            container.argument("control_endpoint"),
            container.argument("id"),
            TestingHarness.echo());
    var unused = harness.ended().whenComplete((status, failure) -> container.exit.complete(0));
  }

  private void restart(DockerOptions with) {
    workers.close();
    workers = new EnvironmentWorkers(server, EnvironmentOptions.defaults(), with, Optional.empty());
  }

  private static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  private StartedWorker started(Environment environment) throws Exception {
    return await(workers.start(environment, spec));
  }

  private String failureOf(Environment environment) throws Exception {
    try {
      throw new AssertionError("started " + started(environment));
    } catch (ExecutionException e) {
      assertThat(e).hasCauseInstanceOf(WorkerStartException.class);
      return String.valueOf(e.getMessage());
    }
  }

  private TestingContainer removed() throws InterruptedException {
    return next(docker.removed);
  }

  private TestingContainer only() {
    assertThat(docker.containers).hasSize(1);
    return docker.containers.values().iterator().next();
  }

  @Test
  void harnessRunsInAContainerOfTheImage() throws Exception {
    StartedWorker worker = started(TestingDocker.environment(IMAGE));

    JsonNode config = only().config;
    assertThat(config.get("Image").asText()).isEqualTo(IMAGE);
    assertThat(only().argument("id")).isEqualTo(worker.worker().id());
    for (String service : List.of("provision", "logging", "artifact", "control")) {
      assertThat(only().argument(service + "_endpoint")).isEqualTo(server.endpoint().getUrl());
    }
    assertThat(config.get("Labels").get("org.trestle.service").asText()).isEqualTo("service-1");
    assertThat(config.get("Labels").get("org.trestle.job").asText()).isEqualTo("job-1");
    assertThat(config.get("Labels").get("org.trestle.environment").asText()).isEqualTo("env-1");
    JsonNode host = config.get("HostConfig");
    assertThat(host.get("NetworkMode").asText()).isEqualTo("host");
    assertThat(host.path("Binds")).as("nothing of the host is mounted").isEmpty();
    assertThat(host.path("Memory").asLong()).isZero();
    assertThat(host.path("Privileged").asBoolean()).isFalse();

    worker.stop();
    worker.stop();
    assertThat(removed().signals).as("it left by itself").isEmpty();
    assertThat(docker.containers).isEmpty();
  }

  @Test
  void mountsAndNetworkAreThoseOfTheService() throws Exception {
    restart(options.withNetwork("beam").withMounts(List.of("/data:/data:ro", "/out:/results")));

    started(TestingDocker.environment(IMAGE));

    JsonNode host = only().config.get("HostConfig");
    assertThat(host.get("NetworkMode").asText()).isEqualTo("beam");
    assertThat(host.get("Binds"))
        .extracting(JsonNode::asText)
        .containsExactly("/data:/data:ro", "/out:/results:rw");
  }

  private static Environment hinted(String memory, String cpus) {
    return TestingDocker.environment(IMAGE).toBuilder()
        .putResourceHints(Urns.ResourceHints.MIN_RAM_BYTES, ByteString.copyFromUtf8(memory))
        .putResourceHints(Urns.ResourceHints.CPU_COUNT, ByteString.copyFromUtf8(cpus))
        .build();
  }

  @Test
  void resourceHintsAreLimits() throws Exception {
    started(hinted("536870912", "1"));

    JsonNode host = only().config.get("HostConfig");
    assertThat(host.get("Memory").asLong()).isEqualTo(512L << 20);
    assertThat(host.get("MemorySwap").asLong()).isEqualTo(512L << 20);
    assertThat(host.get("NanoCpus").asLong()).isEqualTo(1_000_000_000L);
  }

  @Test
  void moreProcessorsThanThereAreMeanAll() throws Exception {
    started(hinted("0", "64"));

    assertThat(only().config.get("HostConfig").get("NanoCpus").asLong()).isEqualTo(2_000_000_000L);
  }

  @Test
  void moreMemoryThanThereIsCannotBeHad() throws Exception {
    assertThat(failureOf(hinted(Long.toString(9L << 30), "1")))
        .contains("ask for 9663676416 bytes of memory", "has 8589934592");
    assertThat(docker.containers).isEmpty();
  }

  @Test
  void resourceHintThatIsNoNumberIsNamed() {
    assertThatThrownBy(() -> workers.resolve(hinted("much", "1")))
        .isInstanceOf(UnsupportedEnvironmentException.class)
        .hasMessageContaining("beam:resources:min_ram_bytes:v1 is 'much', not a number");
  }

  @Test
  void whatAContainerPrintsExplainsItsEnd() throws Exception {
    behaviour =
        container -> {
          container.printed.add("no mod");
          container.printed.add("ule\nlast words");
          container.exit.complete(3);
        };

    assertThat(failureOf(TestingDocker.environment(IMAGE)))
        .contains("container of image '" + IMAGE + "' did not connect: it exited with code 3")
        .endsWith("its last output:\nno module\nlast words");
    assertThat(logs).containsExactly("no module", "last words");
    removed();
  }

  @Test
  void endForWantOfMemoryIsTold() throws Exception {
    StartedWorker worker = started(hinted("536870912", "1"));
    TestingContainer container = only();
    container.ranOutOfMemory = true;
    container.exit.complete(137);

    assertThat(await(worker.worker().lost()))
        .contains("exited with code 137", "out of its memory of 536870912 bytes");
  }

  @Test
  void containerThatDoesNotLeaveGetsASignalAndIsKilledInTheEnd() throws Exception {
    workers.close();
    Duration moment = Duration.ofMillis(200);
    workers =
        new EnvironmentWorkers(
            server, new EnvironmentOptions(moment, moment, moment), options, Optional.empty());
    behaviour = container -> container.ignoresSignals = true;

    assertThat(failureOf(TestingDocker.environment(IMAGE))).contains("did not connect to ");

    TestingContainer container = removed();
    assertThat(container.signals).containsExactly("TERM");
    assertThat(container.exit).isCompletedWithValue(137);
  }

  @Test
  void closingRemovesAllContainers() throws Exception {
    started(TestingDocker.environment(IMAGE));
    started(TestingDocker.environment(IMAGE));

    workers.close();

    assertThat(docker.containers).isEmpty();
  }

  @Test
  void containersStartAFewAtATime() throws Exception {
    BlockingQueue<TestingContainer> begun = new LinkedBlockingQueue<>();
    behaviour = begun::add;
    int atOnce = 3 * Runtime.getRuntime().availableProcessors();
    var starts =
        IntStream.rangeClosed(0, atOnce)
            .mapToObj(i -> workers.start(TestingDocker.environment(IMAGE), spec))
            .toList();
    TestingContainer first = next(begun);
    for (int i = 1; i < atOnce; i++) {
      next(begun);
    }
    assertThat(docker.containers).hasSize(atOnce);

    boot(first);

    next(begun);
    assertThat(docker.containers).hasSize(atOnce + 1);
    assertThat(starts.stream().filter(CompletableFuture::isDone)).hasSize(1);
  }

  private static TestingContainer next(BlockingQueue<TestingContainer> containers)
      throws InterruptedException {
    TestingContainer next = containers.poll(30, TimeUnit.SECONDS);
    assertThat(next).isNotNull();
    return next;
  }

  @Test
  void missingImageIsPulled() throws Exception {
    started(TestingDocker.environment("example/other"));

    assertThat(docker.pulled).containsExactly("example/other:latest");
  }

  @Test
  void imageThatCannotBePulledIsNamed() {
    docker.pullAnswer = CompletableFuture.completedFuture("manifest unknown");

    assertThatThrownBy(() -> workers.resolve(TestingDocker.environment("example/missing:2")))
        .isInstanceOf(UnsupportedEnvironmentException.class)
        .hasMessage(
            "beam:env:docker:v1: image 'example/missing:2' is not on the Docker engine at "
                + docker.address()
                + " and cannot be pulled: manifest unknown; check the name, or build it there");
  }

  @Test
  void slowPullDoesNotHoldUpTheCheck() throws Exception {
    docker.pullAnswer = new CompletableFuture<>();
    Duration shortly = Duration.ofMillis(200);
    Duration long10s = Duration.ofSeconds(10);
    restart(options.withTimeouts(long10s, long10s, shortly));
    Environment environment = TestingDocker.environment("example/big:1");

    assertThat(workers.resolve(environment)).isEqualTo(environment);
    CompletableFuture<StartedWorker> worker = workers.start(environment, spec);
    docker.pullAnswer.complete("");

    assertThat(await(worker).worker().id()).startsWith("w-");
  }

  @Test
  void serviceThatDoesNotPullSaysSo() {
    restart(options.withPull(false));

    assertThatThrownBy(() -> workers.resolve(TestingDocker.environment("example/missing:2")))
        .hasMessageContaining("docker-pull")
        .hasMessageContaining("docker pull example/missing:2");
    assertThat(docker.pulled).isEmpty();
  }

  @Test
  void containersOfAnEarlierRunAreRemoved() throws Exception {
    docker.put("stray", Map.of("org.trestle.service", "service-1", "org.trestle.run", "before"));
    docker.put("foreign", Map.of("org.trestle.service", "service-2", "org.trestle.run", "before"));

    restart(options);

    assertThat(removed().id).isEqualTo("stray");
    started(TestingDocker.environment(IMAGE));
    assertThat(docker.containers).hasSize(2).containsKey("foreign");
  }

  @Test
  void withoutAnEngineOtherEnvironmentsWork() throws Exception {
    docker.close();
    try (TestingPool pool = new TestingPool(TestingPool.Manner.START, TestingHarness.echo())) {
      Environment container = TestingDocker.environment(IMAGE);

      assertThatThrownBy(() -> workers.resolve(container))
          .isInstanceOf(UnsupportedEnvironmentException.class)
          .hasMessageContaining("no Docker engine answers at " + docker.address())
          .hasMessageContaining("apt-get install docker.io")
          .hasMessageContaining("DOCKER_HOST");
      Environment either =
          Environment.newBuilder()
              .setUrn(Urns.Environments.ANYOF)
              .setPayload(
                  AnyOfEnvironmentPayload.newBuilder()
                      .addEnvironments(container)
                      .addEnvironments(pool.environment())
                      .build()
                      .toByteString())
              .build();
      assertThat(workers.resolve(either)).isEqualTo(pool.environment());
      StartedWorker worker = started(pool.environment());
      worker.stop();
    }
  }

  @Test
  void harnessOfThisInstallationStandsForAContainerThatCannotRun(@TempDir Path directory)
      throws Exception {
    workers.close();
    Path command = Files.createFile(directory.resolve("harness"));
    assertThat(command.toFile().setExecutable(true)).isTrue();
    workers =
        new EnvironmentWorkers(
            server,
            EnvironmentOptions.defaults(),
            options,
            Optional.of(new JavaHarness(command, "2.71.0")));
    docker.images.add("apache/beam_java17_sdk:2.71.0");
    Environment java = TestingDocker.environment("apache/beam_java17_sdk:2.71.0");
    assertThat(workers.resolve(java)).isEqualTo(java);

    docker.close();

    assertThat(workers.resolve(java).getUrn()).isEqualTo(Urns.Environments.PROCESS);
  }

  @Test
  void engineThatGoesAwayFailsTheStart() throws Exception {
    docker.close();

    assertThat(failureOf(TestingDocker.environment(IMAGE)))
        .contains("container of image '" + IMAGE + "' cannot be started: no Docker engine");
  }

  @Test
  void environmentWithoutAnImageIsRefused() {
    assertThatThrownBy(() -> workers.resolve(TestingDocker.environment("")))
        .hasMessage("beam:env:docker:v1: the payload names no image");
  }
}
