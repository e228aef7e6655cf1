package org.trestle.client;

import java.util.List;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardEnvironments;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PortablePipelineOptions;
import org.apache.beam.sdk.util.construction.BeamUrns;
import org.apache.beam.sdk.util.construction.DefaultArtifactResolver;
import org.apache.beam.sdk.util.construction.Environments;
import org.apache.beam.sdk.util.construction.PipelineTranslation;
import org.apache.beam.sdk.util.construction.SdkComponents;
import org.apache.beam.sdk.util.construction.resources.PipelineResources;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.jspecify.annotations.Nullable;

/**
 * Encodes a pipeline with the SDK's own translation, in the environment that the options ask for.
 *
 * <p>Options that the translation reads are set for its time and put back after, so that a pipeline
 * can be run again with the same options.
 */
final class PipelineEncoder {
  private final PipelineOptions options;
  private final EnvironmentType environment;

  PipelineEncoder(PipelineOptions options, EnvironmentType environment) {
    this.options = options;
    this.environment = environment;
  }

  RunnerApi.Pipeline encode(Pipeline pipeline, @Nullable String loopbackAddress) {
    PortablePipelineOptions portable = options.as(PortablePipelineOptions.class);
    String type = portable.getDefaultEnvironmentType();
    String config = portable.getDefaultEnvironmentConfig();
    List<String> files = portable.getFilesToStage();
    try {
      boolean sdkKnows = environment != EnvironmentType.DEFAULT;
      portable.setDefaultEnvironmentType(
          sdkKnows ? environment.name() : Environments.ENVIRONMENT_DOCKER);
      if (loopbackAddress != null) {
        portable.setDefaultEnvironmentConfig(loopbackAddress);
      }
      portable.setFilesToStage(filesToStage(files));
      RunnerApi.Pipeline proto =
          PipelineTranslation.toProto(pipeline, SdkComponents.create(options));
      proto = DefaultArtifactResolver.INSTANCE.resolveArtifacts(proto);
      return sdkKnows ? proto : leaveEnvironmentToService(proto);
    } finally {
      portable.setDefaultEnvironmentType(type);
      portable.setDefaultEnvironmentConfig(config);
      portable.setFilesToStage(files);
    }
  }

  /** Workers in this process have the class path already. */
  private List<String> filesToStage(@Nullable List<String> given) {
    if (environment == EnvironmentType.LOOPBACK) {
      return List.of();
    }
    if (given != null) {
      return given;
    }
    List<String> found =
        PipelineResources.detectClassPathResourcesToStage(
            TrestleRunner.class.getClassLoader(), options);
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "no files of the class path were found to stage: name them with --filesToStage");
    }
    return found;
  }

  private static RunnerApi.Pipeline leaveEnvironmentToService(RunnerApi.Pipeline proto) {
    String docker = BeamUrns.getUrn(StandardEnvironments.Environments.DOCKER);
    String choose = BeamUrns.getUrn(StandardEnvironments.Environments.DEFAULT);
    RunnerApi.Pipeline.Builder changed = proto.toBuilder();
    for (Map.Entry<String, RunnerApi.Environment> entry :
        proto.getComponents().getEnvironmentsMap().entrySet()) {
      RunnerApi.Environment sdk = entry.getValue();
      if (sdk.getUrn().equals(docker)
          && sdk.getPayload().equals(Environments.JAVA_SDK_HARNESS_ENVIRONMENT.getPayload())) {
        changed
            .getComponentsBuilder()
            .putEnvironments(
                entry.getKey(),
                sdk.toBuilder().setUrn(choose).setPayload(ByteString.EMPTY).build());
      }
    }
    return changed.build();
  }
}
