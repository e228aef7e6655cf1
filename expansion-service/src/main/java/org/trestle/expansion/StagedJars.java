package org.trestle.expansion;

import java.io.File;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactFilePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactInformation;
import org.apache.beam.model.pipeline.v1.RunnerApi.ArtifactStagingToRolePayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardArtifacts;
import org.apache.beam.sdk.util.construction.BeamUrns;

/**
 * The jars that a worker needs for the transforms, each named by the SHA-256 digest of its content.
 *
 * <p>Digests that are not known are computed once, in the background from the moment of
 * construction. Immutable apart from that, and safe for use by several threads.
 */
final class StagedJars {
  private static final String FILE = BeamUrns.getUrn(StandardArtifacts.Types.FILE);
  private static final String STAGING_TO = BeamUrns.getUrn(StandardArtifacts.Roles.STAGING_TO);
  private static final int DIGEST_LENGTH_IN_NAME = 16;

  private final CompletableFuture<Map<String, Jar>> jars;

  private record Jar(Path file, ArtifactInformation artifact) {}

  /**
   * @param files in the order of the class path
   */
  StagedJars(List<Path> files, JarDigests digests) {
    jars = CompletableFuture.supplyAsync(() -> describe(files, digests));
  }

  /** Returns the files of a class path, without directories and what is not there. */
  static List<Path> ofClassPath(String classPath) {
    return List.of(classPath.split(File.pathSeparator)).stream()
        .map(Path::of)
        .map(Path::toAbsolutePath)
        .filter(Files::isRegularFile)
        .toList();
  }

  /**
   * Describes the jars as dependencies of an environment; waits for their digests.
   *
   * @throws UncheckedIOException if a jar cannot be read
   */
  List<ArtifactInformation> artifacts() {
    return all().values().stream().map(Jar::artifact).toList();
  }

  /** Finds a jar by its digest; a path in a request is never followed. */
  Optional<Path> find(String digest) {
    return Optional.ofNullable(all().get(digest)).map(Jar::file);
  }

  private Map<String, Jar> all() {
    return jars.join();
  }

  private static Map<String, Jar> describe(List<Path> files, JarDigests digests) {
    Map<String, Jar> jars = new LinkedHashMap<>();
    for (Path file : files) {
      String digest = digests.of(file);
      jars.putIfAbsent(digest, new Jar(file, artifact(file, digest)));
    }
    return jars;
  }

  private static ArtifactInformation artifact(Path file, String digest) {
    String name = file.getFileName().toString();
    String base = name.endsWith(".jar") ? name.substring(0, name.length() - 4) : name;
    String staged = base + "-" + digest.substring(0, DIGEST_LENGTH_IN_NAME) + ".jar";
    return ArtifactInformation.newBuilder()
        .setTypeUrn(FILE)
        .setTypePayload(
            ArtifactFilePayload.newBuilder()
                .setPath(file.toString())
                .setSha256(digest)
                .build()
                .toByteString())
        .setRoleUrn(STAGING_TO)
        .setRolePayload(
            ArtifactStagingToRolePayload.newBuilder().setStagedName(staged).build().toByteString())
        .build();
  }
}
