package org.trestle.fn.provision;

import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.GetProvisionInfoRequest;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.GetProvisionInfoResponse;
import org.apache.beam.model.fnexecution.v1.ProvisionApi.ProvisionInfo;
import org.apache.beam.model.fnexecution.v1.ProvisionServiceGrpc;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardRunnerProtocols;
import org.trestle.fn.control.WorkerIdentity;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.proto.Urns;

/** Serves {@code ProvisionService}. */
public final class ProvisioningService extends ProvisionServiceGrpc.ProvisionServiceImplBase {
  /** What harnesses take as the token of a job without artifacts. */
  private static final String NO_ARTIFACTS = "__no_artifacts_staged__";

  private static final List<String> CAPABILITIES =
      List.of(
          Urns.of(StandardRunnerProtocols.Enum.MONITORING_INFO_SHORT_IDS),
          Urns.of(StandardRunnerProtocols.Enum.CONTROL_RESPONSE_ELEMENTS_EMBEDDING),
          Urns.of(StandardRunnerProtocols.Enum.MULTIMAP_KEYS_VALUES_SIDE_INPUT));

  private final Supplier<WorkerIdentity> caller;
  private final Supplier<ApiServiceDescriptor> endpoint;
  private final Map<String, String> metadata;

  /**
   * @param caller the harness behind the current gRPC call
   * @param endpoint where all the services are
   * @param metadata added to each answer, beside the job and environment ids
   */
  public ProvisioningService(
      Supplier<WorkerIdentity> caller,
      Supplier<ApiServiceDescriptor> endpoint,
      Map<String, String> metadata) {
    this.caller = caller;
    this.endpoint = endpoint;
    this.metadata = Map.copyOf(metadata);
  }

  @Override
  public void getProvisionInfo(
      GetProvisionInfoRequest request, StreamObserver<GetProvisionInfoResponse> response) {
    response.onNext(
        GetProvisionInfoResponse.newBuilder().setInfo(info(caller.get().spec())).build());
    response.onCompleted();
  }

  private ProvisionInfo info(WorkerSpec spec) {
    ApiServiceDescriptor here = endpoint.get();
    return ProvisionInfo.newBuilder()
        .setPipelineOptions(spec.pipelineOptions())
        .setRetrievalToken(spec.dependencies().isEmpty() ? NO_ARTIFACTS : spec.jobId())
        .setLoggingEndpoint(here)
        .setArtifactEndpoint(here)
        .setControlEndpoint(here)
        .setStatusEndpoint(here)
        .addAllDependencies(spec.dependencies())
        .addAllRunnerCapabilities(CAPABILITIES)
        .putAllMetadata(metadata)
        .putMetadata("job_id", spec.jobId())
        .putMetadata("environment_id", spec.environmentId())
        .build();
  }
}
