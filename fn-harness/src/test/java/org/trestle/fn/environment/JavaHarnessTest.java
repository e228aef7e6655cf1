package org.trestle.fn.environment;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import org.apache.beam.model.pipeline.v1.RunnerApi.AnyOfEnvironmentPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.DockerPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.junit.jupiter.api.Test;

class JavaHarnessTest {
  private final JavaHarness harness = new JavaHarness(Path.of("/opt/boot"), "2.71.0");

  @Test
  void standsForAJavaContainerAndKeepsItsArtifacts() {
    Environment container =
        container("apache/beam_java17_sdk:2.71.0").toBuilder()
            .addDependencies(ArtifactInformation.newBuilder().setTypeUrn("a jar"))
            .addCapabilities("a capability")
            .build();
    Environment process = harness.instead(container).orElseThrow();
    assertThat(EnvironmentResolver.process(process).getCommand()).isEqualTo("/opt/boot");
    assertThat(process.getDependenciesList()).isEqualTo(container.getDependenciesList());
    assertThat(process.getCapabilitiesList()).isEqualTo(container.getCapabilitiesList());
  }

  @Test
  void standsForImagesOfOtherRegistries() {
    assertThat(harness.instead(container("registry:5000/mine/beam_java21_sdk:2.71.0"))).isPresent();
  }

  @Test
  void leavesOtherImagesAlone() {
    assertThat(harness.instead(container("apache/beam_java17_sdk:2.77.0"))).isEmpty();
    assertThat(harness.instead(container("apache/beam_python3.11_sdk:2.71.0"))).isEmpty();
    assertThat(harness.instead(container("mine/beam_java17_sdk_with_more:2.71.0"))).isEmpty();
    assertThat(harness.instead(damaged(EnvironmentResolver.DOCKER))).isEmpty();
    assertThat(harness.instead(damaged(EnvironmentResolver.ANYOF))).isEmpty();
    assertThat(harness.instead(damaged(EnvironmentResolver.EXTERNAL))).isEmpty();
  }

  @Test
  void standsForContainersAmongAlternatives() throws Exception {
    Environment either =
        anyOf(container("apache/beam_go_sdk:2.71.0"), container("beam_java17_sdk:2.71.0"));
    AnyOfEnvironmentPayload mine =
        AnyOfEnvironmentPayload.parseFrom(harness.instead(either).orElseThrow().getPayload());
    assertThat(mine.getEnvironmentsList())
        .map(alternative -> EnvironmentResolver.process(alternative).getCommand())
        .containsExactly("/opt/boot");
    assertThat(harness.instead(anyOf(container("apache/beam_go_sdk:2.71.0")))).isEmpty();
  }

  @Test
  void knowsTheVersionOfBeamItIsBuiltWith() {
    String version = JavaHarness.builtWith();
    assertThat(version).matches("\\d+\\.\\d+\\.\\d+");
    assertThat(
            new JavaHarness(Path.of("/opt/boot"))
                .instead(container("apache/beam_java17_sdk:" + version)))
        .isPresent();
  }

  private static Environment container(String image) {
    return Environment.newBuilder()
        .setUrn(EnvironmentResolver.DOCKER)
        .setPayload(DockerPayload.newBuilder().setContainerImage(image).build().toByteString())
        .build();
  }

  private static Environment anyOf(Environment... alternatives) {
    AnyOfEnvironmentPayload.Builder payload = AnyOfEnvironmentPayload.newBuilder();
    for (Environment alternative : alternatives) {
      payload.addEnvironments(alternative);
    }
    return Environment.newBuilder()
        .setUrn(EnvironmentResolver.ANYOF)
        .setPayload(payload.build().toByteString())
        .build();
  }

  private static Environment damaged(String urn) {
    return Environment.newBuilder().setUrn(urn).setPayload(ByteString.copyFromUtf8("\377")).build();
  }
}
