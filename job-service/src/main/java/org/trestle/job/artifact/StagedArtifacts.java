package org.trestle.job.artifact;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.EmbeddedFilePayload;
import org.trestle.fn.control.WorkerSpec.ArtifactReader;

/**
 * The artifacts of one job, read by their description. Only what this job staged can be read: paths
 * and URLs in a description are never followed.
 */
public final class StagedArtifacts implements ArtifactReader {
  private final BlobStore store;
  private final Map<Key, String> digests;

  /** What identifies an artifact's content: its type and payload, whatever its role. */
  private record Key(String typeUrn, ByteString typePayload) {
    static Key of(ArtifactInformation artifact) {
      return new Key(artifact.getTypeUrn(), artifact.getTypePayload());
    }
  }

  private StagedArtifacts(BlobStore store, Map<Key, String> digests) {
    this.store = store;
    this.digests = digests;
  }

  /** Of a job that staged nothing. */
  public static StagedArtifacts none(BlobStore store) {
    return new StagedArtifacts(store, Map.of());
  }

  /** Digests of all artifacts. */
  public Set<String> digests() {
    return Set.copyOf(digests.values());
  }

  @Override
  public InputStream open(ArtifactInformation artifact) throws IOException {
    String digest = digests.get(Key.of(artifact));
    if (digest != null) {
      return store.open(digest);
    }
    if (artifact.getTypeUrn().equals(ArtifactNames.EMBEDDED)) {
      return EmbeddedFilePayload.parseFrom(artifact.getTypePayload()).getData().newInput();
    }
    throw new IOException(ArtifactNames.describe(artifact) + " was not staged for this job");
  }

  /** Collects artifacts while they are staged. */
  static final class Builder {
    private final Map<Key, String> digests = new HashMap<>();

    boolean has(ArtifactInformation artifact) {
      return digests.containsKey(Key.of(artifact));
    }

    String digest(ArtifactInformation artifact) {
      return digests.getOrDefault(Key.of(artifact), "");
    }

    void put(ArtifactInformation artifact, String digest) {
      digests.put(Key.of(artifact), digest);
    }

    StagedArtifacts build(BlobStore store) {
      return new StagedArtifacts(store, Map.copyOf(digests));
    }
  }
}
