package org.trestle.job.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The settings of a service, checked and typed.
 *
 * @param memory budget for data of jobs, if not the engine's own
 * @param stateDir used by this service alone
 * @param javaHarness stands for Java containers where these cannot run
 * @param expansionPort of the expansion service that belongs to this service
 */
public record ServiceConfig(
    String host,
    int port,
    Path stateDir,
    Optional<DataSize> memory,
    String logLevel,
    DataSize maxPipelineSize,
    DataSize maxArtifactSize,
    DataSize maxStagedSize,
    int jobRetention,
    DataSize jobLogLimit,
    Duration preparationTimeout,
    Duration stagingTimeout,
    Duration workerStartTimeout,
    String workerHost,
    Containers containers,
    Duration checkpointInterval,
    Duration stuckAfter,
    Duration warmUp,
    Optional<Path> javaHarness,
    Optional<Integer> expansionPort,
    Duration shutdownTimeout) {

  /**
   * How workers run in containers.
   *
   * @param network Docker's network mode
   * @param pull whether missing images are pulled
   * @param mounts as {@code HOST:CONTAINER[:ro]}
   */
  public record Containers(String network, boolean pull, List<String> mounts) {
    public Containers {
      mounts = List.copyOf(mounts);
    }
  }

  /**
   * Types checked values.
   *
   * @param values a value for every setting
   * @param environment for the places defaults depend on
   */
  static ServiceConfig of(Map<Setting, String> values, Map<String, String> environment) {
    int port = Setting.parsePort(values.getOrDefault(Setting.PORT, ""));
    String stateDir = values.getOrDefault(Setting.STATE_DIR, "");
    String memory = values.getOrDefault(Setting.MEMORY, "");
    return new ServiceConfig(
        values.getOrDefault(Setting.HOST, ""),
        port,
        stateDir.isEmpty() ? defaultStateDir(port, environment) : Setting.parsePath(stateDir),
        memory.equals("auto") ? Optional.empty() : Optional.of(DataSize.parse(memory)),
        values.getOrDefault(Setting.LOG_LEVEL, ""),
        size(values, Setting.MAX_PIPELINE_SIZE),
        size(values, Setting.MAX_ARTIFACT_SIZE),
        size(values, Setting.MAX_STAGED_SIZE),
        Setting.parseCount(values.getOrDefault(Setting.JOB_RETENTION, "")),
        size(values, Setting.JOB_LOG_LIMIT),
        time(values, Setting.PREPARATION_TIMEOUT),
        time(values, Setting.STAGING_TIMEOUT),
        time(values, Setting.WORKER_START_TIMEOUT),
        values.getOrDefault(Setting.WORKER_HOST, ""),
        new Containers(
            values.getOrDefault(Setting.DOCKER_NETWORK, ""),
            Setting.parsePull(values.getOrDefault(Setting.DOCKER_PULL, "")),
            Setting.parseMounts(values.getOrDefault(Setting.DOCKER_MOUNTS, ""))),
        time(values, Setting.CHECKPOINT_INTERVAL),
        time(values, Setting.STUCK_AFTER),
        time(values, Setting.WARM_UP),
        given(values, Setting.JAVA_HARNESS)
            .map(Setting::parsePath)
            .or(() -> installed(environment, "java-harness", "boot")),
        given(values, Setting.EXPANSION).map(Setting::parsePort),
        time(values, Setting.SHUTDOWN_TIMEOUT));
  }

  private static Optional<String> given(Map<Setting, String> values, Setting setting) {
    return Optional.of(values.getOrDefault(setting, "")).filter(value -> !value.isEmpty());
  }

  /** Finds a file of the installation, which the launcher names. */
  private static Optional<Path> installed(
      Map<String, String> environment, String directory, String file) {
    return Optional.ofNullable(environment.get("TRESTLE_HOME"))
        .map(home -> Path.of(home, directory, file));
  }

  private static DataSize size(Map<Setting, String> values, Setting setting) {
    return DataSize.parse(values.getOrDefault(setting, ""));
  }

  private static Duration time(Map<Setting, String> values, Setting setting) {
    return Durations.parse(values.getOrDefault(setting, ""));
  }

  private static Path defaultStateDir(int port, Map<String, String> environment) {
    String xdg = environment.getOrDefault("XDG_STATE_HOME", "");
    String home =
        environment.getOrDefault(
            "HOME", System.getProperty("user.home", System.getProperty("java.io.tmpdir", ".")));
    Path base = xdg.isEmpty() ? Path.of(home, ".local", "state") : Path.of(xdg);
    return base.resolve("trestle").resolve(Integer.toString(port));
  }
}
