package org.trestle.job.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.beam.model.jobmanagement.v1.JobApi.PrepareJobResponse;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactStagingToRolePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.EmbeddedFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardArtifacts;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.engine.execute.Engine.JobSpec;
import org.trestle.job.TestingService;
import org.trestle.job.TestingStager;
import org.trestle.job.config.Setting;
import org.trestle.proto.Urns;

final class StagingEndpointTest {
  private static final String HELLO_DIGEST =
      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  private static final ByteString HELLO = ByteString.copyFromUtf8("hello");

  @TempDir Path directory = Path.of(".");
  private TestingService service;

  @BeforeEach
  void start() throws IOException {
    service =
        TestingService.start(
            directory,
            Map.of(
                Setting.MAX_ARTIFACT_SIZE,
                "1MiB",
                Setting.MAX_STAGED_SIZE,
                "2MiB",
                Setting.STAGING_TIMEOUT,
                "500ms"));
  }

  @AfterEach
  void stop() {
    service.close();
  }

  @Test
  void stagesEachArtifactOnceAndPointsEnvironmentsAtIt() throws Exception {
    ArtifactInformation one = named(file("/client/one.jar", HELLO_DIGEST), "lib/one.jar");
    ArtifactInformation copy = named(file("/client/copy.jar", ""), "lib/copy.jar");
    TestingStager stager = new TestingStager();
    stager.content(one, HELLO);
    stager.content(copy, HELLO);
    PrepareJobResponse prepared =
        service.prepare(pipeline(Map.of("a", List.of(one, copy), "b", List.of(one))));
    stager.stage(service.staging(), prepared.getStagingSessionToken());
    assertThat(stager.asked()).containsExactlyInAnyOrder(one, copy);

    service.run(prepared.getPreparationId());
    JobSpec job = service.engine().next().spec();
    Map<String, Environment> environments = job.pipeline().getComponents().getEnvironmentsMap();
    for (Environment environment : environments.values()) {
      for (ArtifactInformation staged : environment.getDependenciesList()) {
        ArtifactFilePayload payload = ArtifactFilePayload.parseFrom(staged.getTypePayload());
        assertThat(payload.getSha256()).isEqualTo(HELLO_DIGEST);
        assertThat(Path.of(payload.getPath())).isAbsolute().hasContent("hello");
        assertThat(text(job, staged)).isEqualTo("hello");
      }
    }
    assertThat(environments.get("a"))
        .isNotNull()
        .satisfies(
            a ->
                assertThat(a.getDependenciesList())
                    .extracting(ArtifactInformation::getRolePayload)
                    .containsExactly(one.getRolePayload(), copy.getRolePayload()));
    assertThat(blobs()).hasSize(1);
  }

  @Test
  void takesTheEmptyWorkerBinaryOfGo() throws Exception {
    ArtifactInformation binary =
        file("/tmp/worker", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            .toBuilder()
            .setRoleUrn(Urns.of(StandardArtifacts.Roles.GO_WORKER_BINARY))
            .build();
    TestingStager stager = new TestingStager();
    stager.content(binary, ByteString.EMPTY);
    PrepareJobResponse prepared = service.prepare(pipeline(Map.of("go", List.of(binary))));
    stager.stage(service.staging(), prepared.getStagingSessionToken());
    service.run(prepared.getPreparationId());
    JobSpec job = service.engine().next().spec();
    assertThat(text(job, dependency(job, "go"))).isEmpty();
  }

  @Test
  void storesEmbeddedArtifactsWithoutAskingForThem() throws Exception {
    ArtifactInformation embedded =
        ArtifactInformation.newBuilder()
            .setTypeUrn(Urns.of(StandardArtifacts.Types.EMBEDDED))
            .setTypePayload(EmbeddedFilePayload.newBuilder().setData(HELLO).build().toByteString())
            .build();
    TestingStager stager = new TestingStager();
    PrepareJobResponse prepared = service.prepare(pipeline(Map.of("a", List.of(embedded))));
    stager.stage(service.staging(), prepared.getStagingSessionToken());
    assertThat(stager.asked()).isEmpty();
    service.run(prepared.getPreparationId());
    JobSpec job = service.engine().next().spec();
    assertThat(text(job, dependency(job, "a"))).isEqualTo("hello");
    assertThat(text(job, embedded)).isEqualTo("hello");
  }

  @Test
  void takesTheReplacementsThatTheClientNames() throws Exception {
    ArtifactInformation deferred =
        ArtifactInformation.newBuilder()
            .setTypeUrn(Urns.of(StandardArtifacts.Types.DEFERRED))
            .setTypePayload(ByteString.copyFromUtf8("key"))
            .build();
    ArtifactInformation real = named(file("/client/real.jar", ""), "real.jar");
    TestingStager stager = new TestingStager();
    stager.replace(deferred, real);
    stager.content(real, HELLO);
    PrepareJobResponse prepared = service.prepare(pipeline(Map.of("a", List.of(deferred))));
    stager.stage(service.staging(), prepared.getStagingSessionToken());
    service.run(prepared.getPreparationId());
    JobSpec job = service.engine().next().spec();
    assertThat(dependency(job, "a").getRolePayload()).isEqualTo(real.getRolePayload());
    assertThat(text(job, dependency(job, "a"))).isEqualTo("hello");
  }

  @Test
  void endsAtOnceWhereThereIsNothingToStage() throws Exception {
    PrepareJobResponse prepared = service.prepare(TestingService.PIPELINE);
    new TestingStager().stage(service.staging(), prepared.getStagingSessionToken());
    service.run(prepared.getPreparationId());
    service.engine().next().finish();
  }

  @Test
  void refusesAWrongDigestAndLetsTheClientTryAgain() throws Exception {
    ArtifactInformation artifact = named(file("/client/one.jar", HELLO_DIGEST), "one.jar");
    PrepareJobResponse prepared = service.prepare(pipeline(Map.of("a", List.of(artifact))));
    TestingStager stager = new TestingStager();
    stager.content(artifact, ByteString.copyFromUtf8("tampered"));
    assertRefused(
        stager, prepared, Status.Code.INVALID_ARGUMENT, "one.jar", HELLO_DIGEST, "SHA-256");
    assertThat(blobs()).isEmpty();

    stager.content(artifact, HELLO);
    stager.stage(service.staging(), prepared.getStagingSessionToken());
    service.runsAnotherJob();
  }

  @Test
  void refusesNamesThatEscapeWhenThePipelineIsPrepared() throws Exception {
    for (String name : List.of("../evil", "/etc/passwd", "a/../../b", "", "C:\\x", "a\nb")) {
      ArtifactInformation artifact = named(file("/client/x", ""), name);
      assertThatThrownBy(() -> service.prepare(pipeline(Map.of("py", List.of(artifact)))))
          .hasMessageContainingAll("INVALID_ARGUMENT", "environment 'py'", "leaves the staging");
    }
    service.runsAnotherJob();
  }

  @Test
  void refusesNamesThatEscapeInReplacements() throws Exception {
    ArtifactInformation artifact = named(file("/client/x", ""), "fine");
    TestingStager stager = new TestingStager();
    stager.replace(artifact, named(file("/client/x", ""), "../../evil"));
    PrepareJobResponse prepared = service.prepare(pipeline(Map.of("py", List.of(artifact))));
    assertRefused(stager, prepared, Status.Code.INVALID_ARGUMENT, "'../../evil'", "py");
    service.runsAnotherJob();
  }

  @Test
  void refusesAnUnknownToken() throws Exception {
    assertThatThrownBy(() -> new TestingStager().stage(service.staging(), "guess"))
        .hasMessageContainingAll("NOT_FOUND", "staging token");
    service.runsAnotherJob();
  }

  @Test
  void boundsTheSizeOfOneArtifactAndOfAll() throws Exception {
    ByteString large = ByteString.copyFrom(new byte[(1 << 20) + 1]);
    ArtifactInformation one = named(file("/client/one", ""), "one");
    TestingStager stager = new TestingStager();
    stager.content(one, large);
    assertRefused(
        stager,
        service.prepare(pipeline(Map.of("a", List.of(one)))),
        Status.Code.RESOURCE_EXHAUSTED,
        "'one'",
        "max-artifact-size");

    ArtifactInformation two = named(file("/client/two", ""), "two");
    ArtifactInformation three = named(file("/client/three", ""), "three");
    for (ArtifactInformation part : List.of(one, two, three)) {
      stager.content(part, large.substring(0, 1 << 20));
    }
    assertRefused(
        stager,
        service.prepare(pipeline(Map.of("a", List.of(one, two, three)))),
        Status.Code.RESOURCE_EXHAUSTED,
        "max-staged-size");
    service.runsAnotherJob();
  }

  @Test
  void dropsAClientThatGoesSilent() throws Exception {
    ArtifactInformation one = named(file("/client/one", ""), "one");
    PrepareJobResponse prepared = service.prepare(pipeline(Map.of("a", List.of(one))));
    TestingStager silent = new TestingStager();
    assertRefused(silent, prepared, Status.Code.DEADLINE_EXCEEDED, "staging-timeout");
    service.runsAnotherJob();
  }

  @Test
  void readsNothingThatTheJobDidNotStage() throws Exception {
    Path secret = Files.writeString(directory.resolve("secret"), "secret");
    service.run();
    JobSpec job = service.engine().next().spec();
    assertThatThrownBy(() -> text(job, file(secret.toString(), "")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was not staged for this job");
  }

  private void assertRefused(
      TestingStager stager, PrepareJobResponse prepared, Status.Code code, String... words) {
    assertThatThrownBy(() -> stager.stage(service.staging(), prepared.getStagingSessionToken()))
        .hasMessageContaining(code.name())
        .hasMessageContainingAll(words);
  }

  private List<Path> blobs() throws IOException {
    Path stored = directory.resolve("artifacts");
    if (!Files.exists(stored)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(stored)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private static String text(JobSpec job, ArtifactInformation artifact) throws IOException {
    try (var in = job.artifacts().open(artifact)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static ArtifactInformation dependency(JobSpec job, String environment) {
    return job.pipeline().getComponents().getEnvironmentsOrThrow(environment).getDependencies(0);
  }

  private static Pipeline pipeline(Map<String, List<ArtifactInformation>> dependencies) {
    Pipeline.Builder pipeline = Pipeline.newBuilder();
    dependencies.forEach(
        (id, list) ->
            pipeline
                .getComponentsBuilder()
                .putEnvironments(id, Environment.newBuilder().addAllDependencies(list).build()));
    return pipeline.build();
  }

  private static ArtifactInformation file(String path, String digest) {
    return ArtifactInformation.newBuilder()
        .setTypeUrn(Urns.of(StandardArtifacts.Types.FILE))
        .setTypePayload(
            ArtifactFilePayload.newBuilder().setPath(path).setSha256(digest).build().toByteString())
        .build();
  }

  private static ArtifactInformation named(ArtifactInformation artifact, String name) {
    return artifact.toBuilder()
        .setRoleUrn(Urns.of(StandardArtifacts.Roles.STAGING_TO))
        .setRolePayload(
            ArtifactStagingToRolePayload.newBuilder().setStagedName(name).build().toByteString())
        .build();
  }
}
