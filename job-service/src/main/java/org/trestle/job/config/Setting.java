package org.trestle.job.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A setting of the service. One table for flags, environment variables, the file's keys, the help
 * text and the parser.
 */
public enum Setting {
  HOST("host", "HOST", "127.0.0.1", "Address to bind to. Anything but loopback is open to all."),
  PORT("port", "N", "8073", "Port of the job API; 0 picks a free one."),
  STATE_DIR(
      "state-dir",
      "DIR",
      "",
      "Where jobs, logs, artifacts and spilled data are kept. Default:"
          + " $XDG_STATE_HOME/trestle/PORT or ~/.local/state/trestle/PORT."),
  MEMORY(
      "memory", "SIZE", "auto", "Memory for data of jobs; auto is half of the heap, less 32 MiB."),
  LOG_LEVEL("log-level", "LEVEL", "info", "Level of the service's own log: error to trace."),
  MAX_PIPELINE_SIZE(
      "max-pipeline-size", "SIZE", "256MiB", "Largest pipeline accepted, in encoded form."),
  MAX_ARTIFACT_SIZE("max-artifact-size", "SIZE", "2GiB", "Largest single artifact accepted."),
  MAX_STAGED_SIZE("max-staged-size", "SIZE", "8GiB", "Most bytes of artifacts a job may stage."),
  JOB_RETENTION("job-retention", "COUNT", "500", "How many finished jobs are remembered."),
  JOB_LOG_LIMIT(
      "job-log-limit", "SIZE", "64MiB", "Most bytes of messages and logs kept for one job."),
  PREPARATION_TIMEOUT(
      "preparation-timeout", "TIME", "1h", "How long a prepared job may wait to be run."),
  STAGING_TIMEOUT(
      "staging-timeout", "TIME", "2m", "Longest silence of a client that stages artifacts."),
  WORKER_START_TIMEOUT(
      "worker-start-timeout", "TIME", "1m", "How long a worker may take to connect."),
  WORKER_HOST(
      "worker-host",
      "HOST",
      "127.0.0.1",
      "Address of this machine at which workers reach the service; it listens there and nowhere"
          + " else."),
  DOCKER_NETWORK(
      "docker-network", "NAME", "host", "Network of containers: host, bridge, or the name of one."),
  DOCKER_PULL(
      "docker-pull", "WHEN", "missing", "Whether images are pulled: missing ones, or never."),
  DOCKER_MOUNTS(
      "docker-mounts",
      "LIST",
      "",
      "What containers see of their machine: HOST:CONTAINER[:ro], separated by commas. Default:"
          + " nothing."),
  CHECKPOINT_INTERVAL(
      "checkpoint-interval",
      "TIME",
      "1s",
      "How long a bundle of an unbounded source may go on before it must give out what it has."),
  STUCK_AFTER(
      "stuck-after",
      "TIME",
      "5m",
      "How long a bundle may make no progress before the job says so."),
  WARM_UP(
      "warm-up",
      "TIME",
      "90s",
      "Longest time the service runs made-up jobs after its start, until a real one; 0s for"
          + " not at all."),
  JAVA_HARNESS(
      "java-harness",
      "FILE",
      "",
      "Command that does the work of Beam's Java containers where these cannot run. Default: that"
          + " of the installation."),
  EXPANSION(
      "expansion",
      "PORT",
      "",
      "Starts an expansion service with this one, on port 8097 if none is named."),
  SHUTDOWN_TIMEOUT(
      "shutdown-timeout",
      "TIME",
      "10s",
      "How long running jobs may take to stop with the service.");

  private static final Set<String> LEVELS = Set.of("error", "warn", "info", "debug", "trace");
  private static final Pattern MOUNT = Pattern.compile("/[^:]*:/[^:]*(:r[ow])?");

  private final String key;
  private final String placeholder;
  private final String defaultValue;
  private final String meaning;

  Setting(String key, String placeholder, String defaultValue, String meaning) {
    this.key = key;
    this.placeholder = placeholder;
    this.defaultValue = defaultValue;
    this.meaning = meaning;
  }

  /** Name in the configuration file. */
  public String key() {
    return key;
  }

  /** Name on the command line. */
  public String flag() {
    return "--" + key;
  }

  /** Name in the environment. */
  public String variable() {
    return "TRESTLE_" + key.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  /** What stands for the value in help texts. */
  public String placeholder() {
    return placeholder;
  }

  /** Default in text form; empty where it depends on other settings. */
  public String defaultValue() {
    return defaultValue;
  }

  /** What the flag means without a value; empty if it must have one. */
  public Optional<String> bareFlag() {
    return this == EXPANSION ? Optional.of("8097") : Optional.empty();
  }

  /** One sentence for help texts. */
  public String meaning() {
    return meaning;
  }

  /** Finds a setting by its key. */
  public static Optional<Setting> find(String key) {
    for (Setting setting : values()) {
      if (setting.key.equals(key)) {
        return Optional.of(setting);
      }
    }
    return Optional.empty();
  }

  /**
   * Checks a value without using it.
   *
   * @throws IllegalArgumentException if the value does not fit the setting; the message says how to
   *     write it
   */
  void check(String value) {
    switch (this) {
      case HOST, WORKER_HOST, DOCKER_NETWORK -> {
        if (value.isBlank()) {
          throw new IllegalArgumentException("a name or address is needed");
        }
      }
      case PORT -> parsePort(value);
      case EXPANSION -> {
        if (!value.isBlank()) {
          parsePort(value);
        }
      }
      case STATE_DIR, JAVA_HARNESS -> parsePath(value);
      case MEMORY -> {
        if (!value.equals("auto")) {
          DataSize.parse(value);
        }
      }
      case LOG_LEVEL -> {
        if (!LEVELS.contains(value.toLowerCase(Locale.ROOT))) {
          throw new IllegalArgumentException(
              "'" + value + "' is not a level; one of error, warn, info, debug, trace");
        }
      }
      case DOCKER_PULL -> parsePull(value);
      case DOCKER_MOUNTS -> parseMounts(value);
      case MAX_PIPELINE_SIZE -> {
        if (DataSize.parse(value).bytes() > 1L << 30) {
          throw new IllegalArgumentException("at most 1GiB: a message of gRPC holds no more");
        }
      }
      case MAX_ARTIFACT_SIZE, MAX_STAGED_SIZE, JOB_LOG_LIMIT -> DataSize.parse(value);
      case JOB_RETENTION -> parseCount(value);
      case CHECKPOINT_INTERVAL -> {
        if (Durations.parse(value).toMillis() < 10) {
          throw new IllegalArgumentException("at least 10ms: each checkpoint is a round trip");
        }
      }
      case STUCK_AFTER -> {
        if (Durations.parse(value).toMillis() < 1000) {
          throw new IllegalArgumentException("at least 1s: each look is a round trip");
        }
      }
      case PREPARATION_TIMEOUT, STAGING_TIMEOUT, WORKER_START_TIMEOUT, WARM_UP, SHUTDOWN_TIMEOUT ->
          Durations.parse(value);
    }
  }

  static int parsePort(String value) {
    int port = parseCount(value);
    if (port > 65535) {
      throw new IllegalArgumentException("'" + value + "' is not a port; 0 to 65535");
    }
    return port;
  }

  static int parseCount(String value) {
    try {
      int count = Integer.parseInt(value.strip());
      if (count >= 0) {
        return count;
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'" + value + "' is not a whole number", e);
    }
    throw new IllegalArgumentException("'" + value + "' is negative");
  }

  static boolean parsePull(String value) {
    return switch (value) {
      case "missing" -> true;
      case "never" -> false;
      default -> throw new IllegalArgumentException("'" + value + "' is not missing or never");
    };
  }

  static List<String> parseMounts(String value) {
    if (value.isBlank()) {
      return List.of();
    }
    List<String> mounts = new ArrayList<>();
    for (String mount : value.split(",", -1)) {
      if (!MOUNT.matcher(mount.strip()).matches()) {
        throw new IllegalArgumentException(
            "'" + mount.strip() + "' is not HOST:CONTAINER or HOST:CONTAINER:ro with full paths");
      }
      mounts.add(mount.strip());
    }
    return mounts;
  }

  static Path parsePath(String value) {
    try {
      return Path.of(value);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("'" + value + "' is not a path", e);
    }
  }
}
