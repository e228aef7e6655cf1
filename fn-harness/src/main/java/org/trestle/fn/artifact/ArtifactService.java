package org.trestle.fn.artifact;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.Supplier;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.ResolveArtifactsResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.WorkerIdentity;

/** Serves {@code ArtifactRetrievalService} to harnesses, from their job's artifacts. */
public final class ArtifactService
    extends ArtifactRetrievalServiceGrpc.ArtifactRetrievalServiceImplBase {
  private static final Logger log = LoggerFactory.getLogger(ArtifactService.class);

  /** Below the 4 MiB that clients accept by default. */
  private static final int CHUNK_BYTES = 1 << 20;

  private final Supplier<WorkerIdentity> caller;

  /**
   * @param caller the harness behind the current gRPC call
   */
  public ArtifactService(Supplier<WorkerIdentity> caller) {
    this.caller = caller;
  }

  @Override
  public void resolveArtifacts(
      ResolveArtifactsRequest request, StreamObserver<ResolveArtifactsResponse> response) {
    // Artifacts were resolved when the job was staged.
    response.onNext(
        ResolveArtifactsResponse.newBuilder()
            .addAllReplacements(request.getArtifactsList())
            .build());
    response.onCompleted();
  }

  @Override
  public void getArtifact(
      GetArtifactRequest request, StreamObserver<GetArtifactResponse> response) {
    var call = (ServerCallStreamObserver<GetArtifactResponse>) response;
    InputStream content;
    try {
      content = caller.get().spec().artifacts().open(request.getArtifact());
    } catch (IOException e) {
      call.onError(
          Status.NOT_FOUND
              .withDescription("artifact cannot be opened: " + e.getMessage())
              .asRuntimeException());
      return;
    }
    Transfer transfer = new Transfer(content, call);
    call.setOnCancelHandler(transfer::close);
    call.setOnReadyHandler(transfer::advance);
    transfer.advance();
  }

  /** One artifact on its way out. gRPC's callbacks for a call never overlap, so needs no lock. */
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
          if (chunk.length > 0) {
            call.onNext(GetArtifactResponse.newBuilder().setData(wrap(chunk)).build());
          }
          if (chunk.length < CHUNK_BYTES) {
            close();
            call.onCompleted();
          }
        }
      } catch (IOException e) {
        close();
        call.onError(
            Status.INTERNAL
                .withDescription("artifact cannot be read: " + e.getMessage())
                .asRuntimeException());
      }
    }

    private static ByteString wrap(byte[] chunk) {
      return UnsafeByteOperations.unsafeWrap(chunk);
    }

    void close() {
      closed = true;
      try {
        content.close();
      } catch (IOException e) {
        log.debug("cannot close an artifact", e);
      }
    }
  }
}
