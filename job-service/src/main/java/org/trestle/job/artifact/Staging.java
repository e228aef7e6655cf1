package org.trestle.job.artifact;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.EmbeddedFilePayload;
import org.jspecify.annotations.Nullable;
import org.trestle.job.RefusedException;
import org.trestle.job.RefusedException.Reason;

/**
 * One attempt to stage the artifacts of a pipeline: asks the client to resolve the dependencies of
 * each environment, then for the bytes of each artifact. Knows no transport; for one thread at a
 * time. Each method returns what to ask next.
 *
 * <p>A refused answer ends the attempt with a {@link RefusedException}; the job may be staged
 * again.
 */
public final class Staging implements AutoCloseable {
  private final BlobStore store;
  private final ArtifactLimits limits;
  private final Deque<Map.Entry<String, List<ArtifactInformation>>> unresolved = new ArrayDeque<>();
  private final Deque<ArtifactInformation> unfetched = new ArrayDeque<>();
  private final Map<String, List<ArtifactInformation>> replaced = new LinkedHashMap<>();
  private final StagedArtifacts.Builder artifacts = new StagedArtifacts.Builder();
  private String resolving = "";
  private List<ArtifactInformation> replacements = List.of();
  private BlobStore.@Nullable Incoming incoming;
  private long total;
  private int count;

  /** What to ask the client next. */
  public sealed interface Request {}

  /** Ask for replacements of the dependencies of an environment. */
  public record Resolve(List<ArtifactInformation> dependencies) implements Request {}

  /** Ask for the bytes of an artifact. */
  public record Fetch(ArtifactInformation artifact) implements Request {}

  /** Keep receiving the artifact asked for. */
  public record KeepReceiving() implements Request {}

  /**
   * All is staged.
   *
   * @param dependencies the dependencies of each environment, pointing at staged files
   */
  public record Finished(
      Map<String, List<ArtifactInformation>> dependencies, StagedArtifacts artifacts)
      implements Request {}

  /** Starts with the dependencies of each environment, by environment id. */
  public Staging(
      Map<String, List<ArtifactInformation>> dependencies, BlobStore store, ArtifactLimits limits) {
    this.store = store;
    this.limits = limits;
    dependencies.forEach(
        (id, list) -> {
          if (!list.isEmpty()) {
            unresolved.add(Map.entry(id, List.copyOf(list)));
          }
        });
  }

  /** Returns the first request. */
  public Request start() {
    return nextEnvironment();
  }

  /** Takes the answer to {@link Resolve}. */
  public Request resolved(List<ArtifactInformation> answer) throws IOException {
    if (resolving.isEmpty() || incoming != null) {
      throw refused("replacements were sent, but the bytes of an artifact were asked for");
    }
    count += answer.size();
    if (count > limits.count()) {
      throw new RefusedException(
          Reason.TOO_LARGE, "the job has more than " + limits.count() + " artifacts");
    }
    for (ArtifactInformation artifact : answer) {
      Optional<String> problem = ArtifactNames.problem(artifact);
      if (problem.isPresent()) {
        throw refused("environment '" + resolving + "': " + problem.get());
      }
    }
    replacements = List.copyOf(answer);
    unfetched.addAll(answer);
    return nextArtifact();
  }

  /** Takes a part of the answer to {@link Fetch}. */
  public Request received(ByteString bytes, boolean last) throws IOException {
    BlobStore.Incoming target = incoming;
    ArtifactInformation artifact = unfetched.peek();
    if (target == null || artifact == null) {
      throw refused("bytes of an artifact were sent without being asked for");
    }
    if (target.size() + bytes.size() > limits.artifactBytes()) {
      throw new RefusedException(
          Reason.TOO_LARGE,
          ArtifactNames.describe(artifact)
              + " is larger than the "
              + limits.artifactBytes()
              + " bytes allowed (max-artifact-size)");
    }
    total += bytes.size();
    if (total > limits.totalBytes()) {
      throw new RefusedException(
          Reason.TOO_LARGE,
          "the job's artifacts are larger than the "
              + limits.totalBytes()
              + " bytes allowed (max-staged-size)");
    }
    target.write(bytes);
    if (!last) {
      return new KeepReceiving();
    }
    keep(artifact, target);
    unfetched.remove();
    return nextArtifact();
  }

  private void keep(ArtifactInformation artifact, BlobStore.Incoming content) throws IOException {
    String digest = content.digest();
    String expected = expectedDigest(artifact);
    if (!expected.isEmpty() && !expected.equals(digest)) {
      throw refused(
          ArtifactNames.describe(artifact)
              + " has the SHA-256 digest "
              + digest
              + ", but its description says "
              + expected
              + "; it changed after the job was prepared, or was damaged on the way");
    }
    content.commit(digest);
    incoming = null;
    artifacts.put(artifact, digest);
  }

  private static String expectedDigest(ArtifactInformation artifact) {
    try {
      return ArtifactNames.expectedDigest(artifact);
    } catch (InvalidProtocolBufferException e) {
      throw refused(ArtifactNames.describe(artifact));
    }
  }

  private Request nextEnvironment() {
    Map.Entry<String, List<ArtifactInformation>> next = unresolved.poll();
    if (next == null) {
      resolving = "";
      return new Finished(Map.copyOf(replaced), artifacts.build(store));
    }
    resolving = next.getKey();
    return new Resolve(next.getValue());
  }

  private Request nextArtifact() throws IOException {
    for (ArtifactInformation next = unfetched.peek(); next != null; next = unfetched.peek()) {
      if (!artifacts.has(next)) {
        if (!next.getTypeUrn().equals(ArtifactNames.EMBEDDED)) {
          incoming = store.receive();
          return new Fetch(next);
        }
        keepEmbedded(next);
      }
      unfetched.remove();
    }
    replaced.put(resolving, replacements.stream().map(this::staged).toList());
    return nextEnvironment();
  }

  private void keepEmbedded(ArtifactInformation artifact) throws IOException {
    ByteString data = EmbeddedFilePayload.parseFrom(artifact.getTypePayload()).getData();
    BlobStore.Incoming content = store.receive();
    incoming = content;
    content.write(data);
    keep(artifact, content);
  }

  private ArtifactInformation staged(ArtifactInformation artifact) {
    String digest = artifacts.digest(artifact);
    ArtifactInformation staged =
        artifact.toBuilder()
            .setTypeUrn(ArtifactNames.FILE)
            .setTypePayload(
                ArtifactFilePayload.newBuilder()
                    .setPath(store.path(digest).toString())
                    .setSha256(digest)
                    .build()
                    .toByteString())
            .build();
    artifacts.put(staged, digest);
    return staged;
  }

  private static RefusedException refused(String text) {
    return new RefusedException(Reason.INVALID, text);
  }

  /** Gives up what is half received. Idempotent. */
  @Override
  public void close() {
    BlobStore.Incoming open = incoming;
    incoming = null;
    if (open != null) {
      open.close();
    }
  }
}
