package org.trestle.harness;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc.ArtifactRetrievalServiceImplBase;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannel;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ManagedChannelBuilder;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ServerBuilder;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.stub.StreamObserver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StagedArtifactsTest {
  @TempDir private Path directory;
  private Server runner;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws IOException {
    runner = ServerBuilder.forPort(0).addService(new TestingArtifacts()).build().start();
    channel =
        ManagedChannelBuilder.forAddress("localhost", runner.getPort()).usePlaintext().build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    runner.shutdownNow();
  }

  @Test
  void usesAFileOfTheRunnersStoreWhereItIs() throws IOException {
    Path stored = Files.writeString(directory.resolve("abc123"), "a jar");
    assertThat(fetch(artifact(stored, "abc123"))).containsExactly(stored);
    assertThat(directory.resolve("temporary")).isEmptyDirectory();
  }

  @Test
  void fetchesWhatIsNotNamedByItsDigest() throws IOException {
    Path other = Files.writeString(directory.resolve("other.jar"), "not from the runner");
    List<Path> files =
        fetch(artifact(other, "abc123"), artifact(directory.resolve("def456"), "def456"));
    assertThat(files).hasSize(2);
    assertThat(Files.readString(files.get(0))).isEqualTo("sent abc123");
    assertThat(Files.readString(files.get(1))).isEqualTo("sent def456");
  }

  private List<Path> fetch(ArtifactInformation... artifacts) throws IOException {
    Path temporary = Files.createDirectories(directory.resolve("temporary"));
    return new StagedArtifacts(channel, temporary).fetch(List.of(artifacts));
  }

  private static ArtifactInformation artifact(Path file, String digest) {
    return ArtifactInformation.newBuilder()
        .setTypePayload(
            ArtifactFilePayload.newBuilder()
                .setPath(file.toString())
                .setSha256(digest)
                .build()
                .toByteString())
        .build();
  }

  /** Sends for each artifact a text with its digest, in two parts. */
  private static final class TestingArtifacts extends ArtifactRetrievalServiceImplBase {
    @Override
    public void getArtifact(
        GetArtifactRequest request, StreamObserver<GetArtifactResponse> response) {
      try {
        String digest =
            ArtifactFilePayload.parseFrom(request.getArtifact().getTypePayload()).getSha256();
        for (String part : List.of("sent ", digest)) {
          response.onNext(
              GetArtifactResponse.newBuilder().setData(ByteString.copyFromUtf8(part)).build());
        }
        response.onCompleted();
      } catch (IOException e) {
        response.onError(e);
      }
    }
  }
}
