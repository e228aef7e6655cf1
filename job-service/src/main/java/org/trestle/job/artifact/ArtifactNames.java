package org.trestle.job.artifact;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactStagingToRolePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactUrlPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardArtifacts;
import org.trestle.proto.Urns;

/** Names, kinds and expected digests of artifacts, and which of them are acceptable. */
public final class ArtifactNames {
  static final String FILE = Urns.of(StandardArtifacts.Types.FILE);
  static final String URL = Urns.of(StandardArtifacts.Types.URL);
  static final String EMBEDDED = Urns.of(StandardArtifacts.Types.EMBEDDED);
  static final String DEFERRED = Urns.of(StandardArtifacts.Types.DEFERRED);
  static final String STAGING_TO = Urns.of(StandardArtifacts.Roles.STAGING_TO);
  private static final int LONGEST_NAME = 1024;

  private ArtifactNames() {}

  /** Finds what is wrong with the artifacts of a pipeline's environments. */
  public static List<String> problems(Components components) {
    List<String> problems = new ArrayList<>();
    components
        .getEnvironmentsMap()
        .forEach(
            (id, environment) ->
                environment.getDependenciesList().stream()
                    .flatMap(artifact -> problem(artifact).stream())
                    .forEach(text -> problems.add("environment '" + id + "': " + text)));
    return problems;
  }

  /** Says what is wrong with an artifact's payload or role, if anything. */
  static Optional<String> problem(ArtifactInformation artifact) {
    try {
      expectedDigest(artifact);
      if (!artifact.getRoleUrn().equals(STAGING_TO)) {
        return Optional.empty();
      }
      String name = stagedName(artifact);
      return escapes(name)
          ? Optional.of(
              "artifact name '"
                  + printable(name)
                  + "' leaves the staging directory; use a relative path without '..'")
          : Optional.empty();
    } catch (InvalidProtocolBufferException e) {
      return Optional.of(
          "artifact of type '" + artifact.getTypeUrn() + "' has a malformed payload");
    }
  }

  private static String stagedName(ArtifactInformation artifact)
      throws InvalidProtocolBufferException {
    return ArtifactStagingToRolePayload.parseFrom(artifact.getRolePayload()).getStagedName();
  }

  static boolean escapes(String name) {
    if (name.isEmpty() || name.length() > LONGEST_NAME || name.startsWith("/")) {
      return true;
    }
    if (name.chars().anyMatch(c -> c < ' ' || c == '\\' || c == 0x7f)) {
      return true;
    }
    if (name.length() > 1 && name.charAt(1) == ':') {
      return true;
    }
    for (String part : name.split("/", -1)) {
      if (part.equals("..") || part.equals(".") || part.isEmpty()) {
        return true;
      }
    }
    return false;
  }

  private static String printable(String name) {
    String shown = name.length() > 100 ? name.substring(0, 100) + "…" : name;
    return shown.replaceAll("\\p{Cntrl}", "?");
  }

  /** The SHA-256 digest the client says the artifact has, in lower case, or empty. */
  static String expectedDigest(ArtifactInformation artifact) throws InvalidProtocolBufferException {
    if (artifact.getTypeUrn().equals(FILE)) {
      return ArtifactFilePayload.parseFrom(artifact.getTypePayload())
          .getSha256()
          .toLowerCase(java.util.Locale.ROOT);
    }
    if (artifact.getTypeUrn().equals(URL)) {
      return ArtifactUrlPayload.parseFrom(artifact.getTypePayload())
          .getSha256()
          .toLowerCase(java.util.Locale.ROOT);
    }
    return "";
  }

  /** Names an artifact for a person. */
  static String describe(ArtifactInformation artifact) {
    try {
      if (artifact.getRoleUrn().equals(STAGING_TO)) {
        return "artifact '" + printable(stagedName(artifact)) + "'";
      }
      if (artifact.getTypeUrn().equals(FILE)) {
        return "artifact '"
            + printable(ArtifactFilePayload.parseFrom(artifact.getTypePayload()).getPath())
            + "'";
      }
      if (artifact.getTypeUrn().equals(URL)) {
        return "artifact '"
            + printable(ArtifactUrlPayload.parseFrom(artifact.getTypePayload()).getUrl())
            + "'";
      }
    } catch (InvalidProtocolBufferException e) {
      return "artifact with a malformed payload";
    }
    return "artifact of type '" + artifact.getTypeUrn() + "'";
  }
}
