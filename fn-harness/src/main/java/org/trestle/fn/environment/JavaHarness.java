package org.trestle.fn.environment;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.beam.model.pipeline.v1.RunnerApi.AnyOfEnvironmentPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.DockerPayload;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.apache.beam.model.pipeline.v1.RunnerApi.ProcessPayload;

/**
 * The Java harness of this installation, which does the work of Beam's Java containers where these
 * cannot run. Immutable.
 *
 * <p>It stands for containers of its own Beam version alone: a harness of another version may not
 * understand the job's jars.
 */
public final class JavaHarness {
  private static final Pattern IMAGE = Pattern.compile("(?:.*/)?beam_java\\d+_sdk:(.+)");

  private final String command;
  private final String beamVersion;

  /**
   * @param command starts the harness by Beam's container contract
   */
  public JavaHarness(Path command) {
    this(command, builtWith());
  }

  JavaHarness(Path command, String beamVersion) {
    this.command = command.toAbsolutePath().toString();
    this.beamVersion = beamVersion;
  }

  /** Returns the version of Beam that this program, and the harness beside it, are built with. */
  static String builtWith() {
    try (InputStream in = JavaHarness.class.getResourceAsStream("beam.properties")) {
      if (in == null) {
        throw new IllegalStateException("beam.properties is not on the class path");
      }
      Properties properties = new Properties();
      properties.load(in);
      return properties.getProperty("version", "");
    } catch (IOException e) {
      throw new UncheckedIOException("beam.properties cannot be read", e);
    }
  }

  /**
   * Puts the harness in the place of Java containers, also of those among alternatives.
   *
   * @return empty if there is no such container in the environment
   */
  Optional<Environment> instead(Environment environment) {
    try {
      if (environment.getUrn().equals(EnvironmentResolver.DOCKER)) {
        return isMine(DockerPayload.parseFrom(environment.getPayload()).getContainerImage())
            ? Optional.of(process(environment))
            : Optional.empty();
      }
      if (environment.getUrn().equals(EnvironmentResolver.ANYOF)) {
        return amongAlternatives(environment);
      }
      return Optional.empty();
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }

  private boolean isMine(String image) {
    Matcher matcher = IMAGE.matcher(image);
    return matcher.matches() && matcher.group(1).equals(beamVersion);
  }

  private Optional<Environment> amongAlternatives(Environment environment)
      throws InvalidProtocolBufferException {
    List<Environment> mine = new ArrayList<>();
    for (Environment alternative :
        AnyOfEnvironmentPayload.parseFrom(environment.getPayload()).getEnvironmentsList()) {
      instead(alternative).ifPresent(mine::add);
    }
    if (mine.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        environment.toBuilder()
            .setPayload(
                AnyOfEnvironmentPayload.newBuilder()
                    .addAllEnvironments(mine)
                    .build()
                    .toByteString())
            .build());
  }

  private Environment process(Environment container) {
    return container.toBuilder()
        .setUrn(EnvironmentResolver.PROCESS)
        .setPayload(ProcessPayload.newBuilder().setCommand(command).build().toByteString())
        .build();
  }
}
