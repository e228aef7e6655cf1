package org.trestle.expansion;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc.ArtifactRetrievalServiceImplBase;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.InvalidProtocolBufferException;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.UnsafeByteOperations;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Status;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.ServerCallStreamObserver;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.StreamObserver;

/** Hands out the staged jars, and no other file, to clients that submit a pipeline with them. */
final class ArtifactEndpoint extends ArtifactRetrievalServiceImplBase {
  /** Below the 4 MiB that clients accept by default. */
  private static final int CHUNK_BYTES = 2 << 20;

  private final StagedJars jars;

  ArtifactEndpoint(StagedJars jars) {
    this.jars = jars;
  }

  @Override
  public void resolveArtifacts(
      ResolveArtifactsRequest request, StreamObserver<ResolveArtifactsResponse> response) {
    // Expansions name jars by digest already.
    response.onNext(
        ResolveArtifactsResponse.newBuilder()
            .addAllReplacements(request.getArtifactsList())
            .build());
    response.onCompleted();
  }

  @Override
  public void getArtifact(
      GetArtifactRequest request, StreamObserver<GetArtifactResponse> response) {
    ServerCallStreamObserver<GetArtifactResponse> call =
        (ServerCallStreamObserver<GetArtifactResponse>) response;
    InputStream content;
    try {
      content = Files.newInputStream(requested(request));
    } catch (IOException e) {
      call.onError(
          Status.NOT_FOUND
              .withDescription("the artifact cannot be opened: " + e.getMessage())
              .asRuntimeException());
      return;
    }
    Transfer transfer = new Transfer(content, call);
    call.setOnCancelHandler(transfer::close);
    call.setOnReadyHandler(transfer::advance);
    transfer.advance();
  }

  private Path requested(GetArtifactRequest request) throws IOException {
    ArtifactFilePayload file;
    try {
      file = ArtifactFilePayload.parseFrom(request.getArtifact().getTypePayload());
    } catch (InvalidProtocolBufferException e) {
      throw new IOException("its description is malformed", e);
    }
    Optional<Path> jar = jars.find(file.getSha256());
    return jar.orElseThrow(
        () -> new IOException("no jar of this service has the digest '" + file.getSha256() + "'"));
  }

  /** One jar on its way out. gRPC's callbacks for a call never overlap, so needs no lock. */
  private static final class Transfer {
    private final InputStream content;
    private final ServerCallStreamObserver<GetArtifactResponse> call;
    private boolean closed;

    Transfer(InputStream content, ServerCallStreamObserver<GetArtifactResponse> call) {
      this.content = content;
      this.call = call;
    }

    void advance() {
      try {
        while (!closed && call.isReady()) {
          byte[] chunk = content.readNBytes(CHUNK_BYTES);
          call.onNext(
              GetArtifactResponse.newBuilder()
                  .setData(UnsafeByteOperations.unsafeWrap(chunk))
                  .build());
          if (chunk.length < CHUNK_BYTES) {
            close();
            call.onCompleted();
          }
        }
      } catch (IOException e) {
        close();
        call.onError(
            Status.INTERNAL
                .withDescription("the artifact cannot be read: " + e.getMessage())
                .asRuntimeException());
      }
    }

    void close() {
      closed = true;
      try {
        content.close();
      } catch (IOException e) {
        // A file that was only read has nothing to lose.
      }
    }
  }
}
