package org.trestle.fn.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.fn.server.TestingRunner.await;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.GetProvisionInfoRequest;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.ProvisionInfo;
import org.apache.beam.model.fnexecution.v1.ProvisionServiceGrpc;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.trestle.fn.control.WorkerSpec;

/** What a harness is told and served beside its bundles. */
class ServicesTest {
  private static final ArtifactInformation KNOWN =
      ArtifactInformation.newBuilder().setTypeUrn("known").build();

  private final byte[] content = new byte[(3 << 20) + 17];
  private TestingRunner runner;
  private WorkerSpec spec;

  @BeforeEach
  void start() throws Exception {
    runner = new TestingRunner();
    new Random(1).nextBytes(content);
    spec =
        new WorkerSpec(
            "job-7",
            "env-7",
            Struct.newBuilder()
                .putFields(
                    "beam:option:job_name:v1", Value.newBuilder().setStringValue("x").build())
                .build(),
            List.of(KNOWN),
            artifact -> {
              if (artifact.equals(KNOWN)) {
                return new ByteArrayInputStream(content);
              }
              throw new IOException("'" + artifact.getTypeUrn() + "' was not staged");
            },
            runner.descriptors::get,
            (workerId, entry) -> {
              if (entry.getMessage().equals("bad")) {
                throw new IllegalStateException("sink is full");
              }
              runner.logs.add(entry);
            });
  }

  @AfterEach
  void close() {
    runner.close();
  }

  @Test
  void provisionsAHarness() throws Exception {
    TestingHarness harness = runner.connect(spec, TestingHarness.echo()).harness();

    ProvisionInfo info = harness.provision();

    assertThat(info.getPipelineOptions()).isEqualTo(spec.pipelineOptions());
    assertThat(info.getDependenciesList()).containsExactly(KNOWN);
    assertThat(info.getRetrievalToken()).isEqualTo("job-7");
    assertThat(
            List.of(
                info.getControlEndpoint(),
                info.getLoggingEndpoint(),
                info.getArtifactEndpoint(),
                info.getStatusEndpoint()))
        .containsOnly(runner.server.endpoint());
    assertThat(info.getRunnerCapabilitiesList())
        .containsExactlyInAnyOrder(
            "beam:protocol:monitoring_info_short_ids:v1",
            "beam:protocol:control_response_elements_embedding:v1",
            "beam:protocol:multimap_keys_values_side_input:v1");
    assertThat(info.getMetadataMap())
        .containsEntry("job_id", "job-7")
        .containsEntry("runner", "trestle");
  }

  @Test
  void tellsAHarnessWithoutDependenciesThatThereAreNone() throws Exception {
    TestingHarness harness = runner.connect(TestingHarness.echo()).harness();

    assertThat(harness.provision().getRetrievalToken()).isEqualTo("__no_artifacts_staged__");
  }

  @Test
  void servesArtifactsInChunks() throws Exception {
    TestingHarness harness = runner.connect(spec, TestingHarness.echo()).harness();

    assertThat(harness.artifact(KNOWN)).isEqualTo(content);
  }

  @Test
  void namesAnArtifactThatIsUnknown() throws Exception {
    TestingHarness harness = runner.connect(spec, TestingHarness.echo()).harness();

    assertThatThrownBy(
            () -> harness.artifact(ArtifactInformation.newBuilder().setTypeUrn("other").build()))
        .hasMessage("NOT_FOUND: artifact cannot be opened: 'other' was not staged");
    assertThat(harness.artifact(KNOWN)).hasSize(content.length);
  }

  @Test
  void keepsEachLogEntryThoughTheSinkFailsForOne() throws Exception {
    TestingHarness harness = runner.connect(spec, TestingHarness.echo()).harness();

    harness.log(entry("one"), entry("bad"), entry("two"));

    assertThat(runner.logs).containsExactly(entry("one"), entry("two"));
  }

  @Test
  void sendsADescriptorAheadOfItsFirstBundle() throws Exception {
    TestingRunner.Pair pair = runner.connect(TestingHarness.echo());

    assertThat(pair.run("one")).isEqualTo("one");
    assertThat(pair.run("two")).isEqualTo("two");

    assertThat(pair.harness().registered())
        .isEqualTo(Map.of(TestingRunner.PLAIN, runner.descriptors.get(TestingRunner.PLAIN)));
  }

  @Test
  void sendsSmallDescriptorsBeforeTheyAreAskedFor() throws Exception {
    TestingRunner.Pair pair = runner.connect(TestingHarness.echo());
    ProcessBundleDescriptor large =
        ProcessBundleDescriptor.newBuilder()
            .setId("large")
            .putTransforms("t", PTransform.newBuilder().setUniqueName("x".repeat(1 << 20)).build())
            .build();
    ProcessBundleDescriptor small = ProcessBundleDescriptor.newBuilder().setId("small").build();
    runner.descriptors.put("large", large);
    runner.descriptors.put("small", small);

    pair.worker().sendAhead(List.of(TestingRunner.PLAIN, "large", "unknown", "small"));
    pair.worker().sendAhead(List.of(TestingRunner.PLAIN, "small"));
    assertThat(pair.run("one")).isEqualTo("one");

    assertThat(pair.harness().registered())
        .isEqualTo(
            Map.of(
                TestingRunner.PLAIN, runner.descriptors.get(TestingRunner.PLAIN), "small", small));
    assertThat(pair.harness().registrations()).isOne();
  }

  @Test
  void waitsForLogEntriesOnTheirWay() throws Exception {
    TestingRunner.Pair pair = runner.connect(spec, TestingHarness.echo());
    TestingHarness harness = pair.harness();
    assertThat(pair.worker().logsArrived()).as("a harness without a log").isDone();
    harness.log(entry("one"));
    harness.answerInstructions(
        response -> {
          try {
            harness.log(entry("two"));
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          return response;
        });

    var unused = TestingRunner.await(pair.worker().logsArrived());

    assertThat(runner.logs).containsExactly(entry("one"), entry("two"));
  }

  @Test
  void doesNotWaitForTheLogOfAHarnessThatHangs() throws Exception {
    TestingRunner.Pair pair = runner.connect(spec, TestingHarness.echo());
    pair.harness().log(entry("one"));
    pair.harness().answerInstructions(response -> null);

    var unused = TestingRunner.await(pair.worker().logsArrived());

    assertThat(runner.logs).containsExactly(entry("one"));
  }

  private static LogEntry entry(String message) {
    return LogEntry.newBuilder()
        .setMessage(message)
        .setInstructionId("bundle-1")
        .setTransformId("transform")
        .build();
  }

  @Test
  void refusesCallsWithoutAWorkerId() throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(runner.server.endpoint().getUrl()).usePlaintext().build();
    try {
      assertThatThrownBy(
              () ->
                  ProvisionServiceGrpc.newBlockingStub(channel)
                      .withDeadlineAfter(30, TimeUnit.SECONDS)
                      .getProvisionInfo(GetProvisionInfoRequest.getDefaultInstance()))
          .hasMessageContaining("UNAUTHENTICATED: metadata 'worker_id' is missing");
    } finally {
      channel.shutdownNow().awaitTermination(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void workerIdsCannotBeGuessed() {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      ids.add(FnServerOptions.defaults().workerIds().get());
    }
    assertThat(ids).hasSize(1000).allMatch(id -> id.matches("w-[0-9a-f]{40}"));
  }

  @Test
  void leavesNoThreadsAfterItIsClosed() throws Exception {
    Set<Thread> before = fnThreads();
    TestingRunner other = new TestingRunner();
    assertThat(other.connect(TestingHarness.echo()).run("a")).isEqualTo("a");
    List<Thread> started = new ArrayList<>(fnThreads());
    started.removeAll(before);
    assertThat(started).isNotEmpty();

    other.close();

    for (Thread thread : started) {
      thread.join(TimeUnit.SECONDS.toMillis(30));
      assertThat(thread.isAlive()).as(thread.getName()).isFalse();
    }
  }

  private static Set<Thread> fnThreads() {
    Set<Thread> threads = new HashSet<>(Thread.getAllStackTraces().keySet());
    threads.removeIf(thread -> !thread.getName().startsWith("fn-"));
    return threads;
  }

  @Test
  void closingFailsWhatIsUnderWay() throws Exception {
    TestingRunner other = new TestingRunner();
    var pair = other.connect(bundle -> bundle.neverRespond());
    var bundle = pair.worker().process(TestingRunner.request("a"), new TestingReceiver());

    other.server.close();

    assertThat(TestingRunner.failureOf(bundle)).hasMessageContaining("the runner is closing");
    assertThat(await(pair.worker().lost())).isEqualTo("the runner is closing");
    other.close();
  }
}
