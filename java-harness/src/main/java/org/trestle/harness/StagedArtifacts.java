package org.trestle.harness;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactRequest;
import org.apache.beam.model.jobmanagement.v1.ArtifactApi.GetArtifactResponse;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc;
import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc.ArtifactRetrievalServiceBlockingStub;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.InvalidProtocolBufferException;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Channel;
import org.jspecify.annotations.Nullable;

/** The artifacts of a worker's environment, as files of this machine. */
final class StagedArtifacts {
  private static final long ARTIFACT_MINUTES = 5;

  private final ArtifactRetrievalServiceBlockingStub runner;
  private final Path temporary;
  private @Nullable Path directory;

  /**
   * @param temporary where a directory is made if artifacts have to be fetched; it is deleted with
   *     the process
   */
  StagedArtifacts(Channel channel, Path temporary) {
    runner = ArtifactRetrievalServiceGrpc.newBlockingStub(channel);
    this.temporary = temporary;
  }

  /** Returns a file for each artifact, in the same order. */
  List<Path> fetch(List<ArtifactInformation> artifacts) throws IOException {
    List<Path> files = new ArrayList<>();
    for (ArtifactInformation artifact : artifacts) {
      Optional<Path> here = onThisMachine(artifact);
      files.add(here.isPresent() ? here.get() : fetched(artifact, files.size()));
    }
    return files;
  }

  /**
   * A runner on this machine names the file in its own store, which is trusted to be what it says
   * if it is named by the digest of its content.
   */
  static Optional<Path> onThisMachine(ArtifactInformation artifact)
      throws InvalidProtocolBufferException {
    ArtifactFilePayload payload = ArtifactFilePayload.parseFrom(artifact.getTypePayload());
    Path file = Path.of(payload.getPath());
    Path name = file.getFileName();
    boolean stored =
        !payload.getSha256().isEmpty()
            && name != null
            && name.toString().equals(payload.getSha256())
            && Files.isReadable(file);
    return stored ? Optional.of(file) : Optional.empty();
  }

  private Path fetched(ArtifactInformation artifact, int number) throws IOException {
    Path file = directory().resolve(number + ".jar");
    file.toFile().deleteOnExit();
    try (OutputStream out = Files.newOutputStream(file)) {
      Iterator<GetArtifactResponse> chunks =
          runner
              .withDeadlineAfter(ARTIFACT_MINUTES, TimeUnit.MINUTES)
              .getArtifact(GetArtifactRequest.newBuilder().setArtifact(artifact).build());
      while (chunks.hasNext()) {
        chunks.next().getData().writeTo(out);
      }
    } catch (RuntimeException e) {
      throw new IOException("artifact " + number + " cannot be fetched: " + e.getMessage(), e);
    }
    return file;
  }

  private Path directory() throws IOException {
    Path made = directory;
    if (made == null) {
      made = Files.createTempDirectory(temporary, "trestle-java-harness-");
      made.toFile().deleteOnExit();
      directory = made;
    }
    return made;
  }
}
