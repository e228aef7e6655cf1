package org.trestle.job.api;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.CommitManifestRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.CommitManifestResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.PutArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.PutArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.LegacyArtifactStagingServiceGrpc;

/**
 * Refuses the staging of old SDKs. Go falls back to it when staging fails, and would otherwise end
 * with an error that says nothing of the reason.
 */
public final class LegacyStagingEndpoint
    extends LegacyArtifactStagingServiceGrpc.LegacyArtifactStagingServiceImplBase {

  @Override
  public StreamObserver<PutArtifactRequest> putArtifact(
      StreamObserver<PutArtifactResponse> response) {
    response.onError(refusal());
    return new StreamObserver<>() {
      @Override
      public void onNext(PutArtifactRequest request) {}

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {}
    };
  }

  @Override
  public void commitManifest(
      CommitManifestRequest request, StreamObserver<CommitManifestResponse> response) {
    response.onError(refusal());
  }

  private static RuntimeException refusal() {
    return Status.UNIMPLEMENTED
        .withDescription(
            "legacy artifact staging is not offered; if the client tried"
                + " ReverseArtifactRetrievalService before, its first error is the reason")
        .asRuntimeException();
  }
}
