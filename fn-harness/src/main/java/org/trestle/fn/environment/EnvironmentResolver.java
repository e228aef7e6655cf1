package org.trestle.fn.environment;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.beam.model.pipeline.v1.RunnerApi.AnyOfEnvironmentPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.DockerPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.ExternalPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.ProcessPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.StandardEnvironments.Environments;
import org.trestle.proto.Urns;

/**
 * Decides which environment a harness would run in here.
 *
 * <p>Of several alternatives, worker pools come before processes and these before the rest; among
 * equals the pipeline's order counts.
 */
final class EnvironmentResolver {
  static final String EXTERNAL = Urns.of(Environments.EXTERNAL);
  static final String PROCESS = Urns.of(Environments.PROCESS);
  static final String DOCKER = Urns.of(Environments.DOCKER);
  static final String DEFAULT = Urns.of(Environments.DEFAULT);
  static final String ANYOF = Urns.of(Environments.ANYOF);

  private static final int MAX_NESTING = 8;

  private final DockerEngine containers;

  EnvironmentResolver(DockerEngine containers) {
    this.containers = containers;
  }

  /** Returns the environment to use; throws if there is none, with the reason of each. */
  Environment resolve(Environment environment) {
    return resolve(environment, 0);
  }

  private Environment resolve(Environment environment, int nesting) {
    String urn = environment.getUrn();
    if (urn.equals(ANYOF)) {
      return firstOf(environment, nesting);
    }
    if (urn.equals(EXTERNAL)) {
      if (external(environment).getEndpoint().getUrl().isEmpty()) {
        throw new UnsupportedEnvironmentException(urn + ": the payload names no endpoint");
      }
    } else if (urn.equals(PROCESS)) {
      checkProcess(process(environment));
    } else if (urn.equals(DOCKER)) {
      checkDocker(environment);
    } else if (urn.equals(DEFAULT)) {
      throw new UnsupportedEnvironmentException(
          urn + ": this runner has no default environment; name one with environment_type");
    } else {
      throw new UnsupportedEnvironmentException("unknown environment '" + urn + "'");
    }
    return environment;
  }

  private Environment firstOf(Environment environment, int nesting) {
    if (nesting == MAX_NESTING) {
      throw new UnsupportedEnvironmentException(ANYOF + ": nested too deeply");
    }
    List<Environment> alternatives = new ArrayList<>(anyOf(environment).getEnvironmentsList());
    alternatives.sort(Comparator.comparingInt(EnvironmentResolver::rank));
    List<String> reasons = new ArrayList<>();
    for (Environment alternative : alternatives) {
      try {
        return resolve(alternative, nesting + 1);
      } catch (UnsupportedEnvironmentException e) {
        reasons.add(String.valueOf(e.getMessage()));
      }
    }
    throw new UnsupportedEnvironmentException(
        ANYOF
            + ": none of "
            + alternatives.size()
            + " alternatives works here: "
            + String.join("; ", reasons));
  }

  private static int rank(Environment environment) {
    String urn = environment.getUrn();
    if (urn.equals(EXTERNAL)) {
      return 0;
    }
    return urn.equals(PROCESS) ? 1 : 2;
  }

  private static void checkProcess(ProcessPayload payload) {
    String os = payload.getOs().toLowerCase(Locale.ROOT);
    String osHere = os(System.getProperty("os.name", ""));
    if (!os.isEmpty() && !os.equals(osHere)) {
      throw new UnsupportedEnvironmentException(
          PROCESS + ": asks for operating system '" + os + "', this is '" + osHere + "'");
    }
    String arch = arch(payload.getArch());
    String archHere = arch(System.getProperty("os.arch", ""));
    if (!arch.isEmpty() && !arch.equals(archHere)) {
      throw new UnsupportedEnvironmentException(
          PROCESS + ": asks for architecture '" + arch + "', this is '" + archHere + "'");
    }
    if (payload.getCommand().isEmpty()) {
      throw new UnsupportedEnvironmentException(PROCESS + ": the payload names no command");
    }
    if (!runnable(payload.getCommand())) {
      throw new UnsupportedEnvironmentException(
          PROCESS + ": no executable file '" + payload.getCommand() + "' on this machine");
    }
  }

  private void checkDocker(Environment environment) {
    String image = docker(environment).getContainerImage();
    if (image.isEmpty()) {
      throw new UnsupportedEnvironmentException(DOCKER + ": the payload names no image");
    }
    ResourceHints.of(environment);
    try {
      containers.check(image);
    } catch (DockerException e) {
      throw new UnsupportedEnvironmentException(DOCKER + ": " + e.getMessage());
    }
  }

  private static String os(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (lower.startsWith("mac")) {
      return "darwin";
    }
    return lower.startsWith("windows") ? "windows" : lower;
  }

  private static String arch(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "x86_64", "amd64" -> "amd64";
      case "aarch64", "arm64" -> "arm64";
      default -> name.toLowerCase(Locale.ROOT);
    };
  }

  private static boolean runnable(String command) {
    try {
      if (command.contains(File.separator)) {
        return runnable(Path.of(command));
      }
      for (String directory : String.valueOf(System.getenv("PATH")).split(File.pathSeparator, -1)) {
        if (runnable(Path.of(directory, command))) {
          return true;
        }
      }
      return false;
    } catch (InvalidPathException e) {
      return false;
    }
  }

  private static boolean runnable(Path file) {
    return Files.isRegularFile(file) && Files.isExecutable(file);
  }

  static ExternalPayload external(Environment environment) {
    try {
      return ExternalPayload.parseFrom(environment.getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw malformed(environment, e);
    }
  }

  static ProcessPayload process(Environment environment) {
    try {
      return ProcessPayload.parseFrom(environment.getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw malformed(environment, e);
    }
  }

  static DockerPayload docker(Environment environment) {
    try {
      return DockerPayload.parseFrom(environment.getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw malformed(environment, e);
    }
  }

  private static AnyOfEnvironmentPayload anyOf(Environment environment) {
    try {
      return AnyOfEnvironmentPayload.parseFrom(environment.getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw malformed(environment, e);
    }
  }

  private static UnsupportedEnvironmentException malformed(
      Environment environment, InvalidProtocolBufferException e) {
    return new UnsupportedEnvironmentException(
        environment.getUrn() + ": the payload is malformed: " + e.getMessage());
  }
}
