package org.trestle.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.trestle.job.config.ServiceConfig.Containers;

final class ConfigSourcesTest {
  @TempDir Path directory = Path.of(".");

  @Test
  void hasTheseKeysAndDefaults() {
    Map<String, String> defaults = new TreeMap<>();
    for (Setting setting : Setting.values()) {
      defaults.put(setting.key(), setting.defaultValue());
    }
    assertThat(defaults)
        .isEqualTo(
            new TreeMap<>(
                Map.ofEntries(
                    Map.entry("host", "127.0.0.1"),
                    Map.entry("port", "8073"),
                    Map.entry("state-dir", ""),
                    Map.entry("memory", "auto"),
                    Map.entry("log-level", "info"),
                    Map.entry("max-pipeline-size", "256MiB"),
                    Map.entry("max-artifact-size", "2GiB"),
                    Map.entry("max-staged-size", "8GiB"),
                    Map.entry("job-retention", "500"),
                    Map.entry("job-log-limit", "64MiB"),
                    Map.entry("preparation-timeout", "1h"),
                    Map.entry("staging-timeout", "2m"),
                    Map.entry("worker-start-timeout", "1m"),
                    Map.entry("worker-host", "127.0.0.1"),
                    Map.entry("docker-network", "host"),
                    Map.entry("docker-pull", "missing"),
                    Map.entry("docker-mounts", ""),
                    Map.entry("checkpoint-interval", "1s"),
                    Map.entry("stuck-after", "5m"),
                    Map.entry("warm-up", "90s"),
                    Map.entry("java-harness", ""),
                    Map.entry("expansion", ""),
                    Map.entry("shutdown-timeout", "10s"))));
  }

  @Test
  void typesTheDefaults() {
    ServiceConfig config = ConfigSources.resolve(Map.of(), Map.of("HOME", "/home/ada"), null);
    assertThat(config)
        .isEqualTo(
            new ServiceConfig(
                "127.0.0.1",
                8073,
                Path.of("/home/ada/.local/state/trestle/8073"),
                Optional.empty(),
                "info",
                new DataSize(256L << 20),
                new DataSize(2L << 30),
                new DataSize(8L << 30),
                500,
                new DataSize(64L << 20),
                Duration.ofHours(1),
                Duration.ofMinutes(2),
                Duration.ofMinutes(1),
                "127.0.0.1",
                new Containers("host", true, List.of()),
                Duration.ofSeconds(1),
                Duration.ofMinutes(5),
                Duration.ofSeconds(90),
                Optional.empty(),
                Optional.empty(),
                Duration.ofSeconds(10)));
  }

  @Test
  void readsEverySettingFromEachSource() throws IOException {
    Map<Setting, String> others =
        Map.ofEntries(
            Map.entry(Setting.HOST, "::1"),
            Map.entry(Setting.PORT, "9000"),
            Map.entry(Setting.STATE_DIR, "/tmp/other"),
            Map.entry(Setting.MEMORY, "1g"),
            Map.entry(Setting.LOG_LEVEL, "debug"),
            Map.entry(Setting.MAX_PIPELINE_SIZE, "1MiB"),
            Map.entry(Setting.MAX_ARTIFACT_SIZE, "2k"),
            Map.entry(Setting.MAX_STAGED_SIZE, "3"),
            Map.entry(Setting.JOB_RETENTION, "4"),
            Map.entry(Setting.JOB_LOG_LIMIT, "5TB"),
            Map.entry(Setting.PREPARATION_TIMEOUT, "6s"),
            Map.entry(Setting.STAGING_TIMEOUT, "7ms"),
            Map.entry(Setting.WORKER_START_TIMEOUT, "8d"),
            Map.entry(Setting.WORKER_HOST, "10.0.0.1"),
            Map.entry(Setting.DOCKER_NETWORK, "beam"),
            Map.entry(Setting.DOCKER_PULL, "never"),
            Map.entry(Setting.DOCKER_MOUNTS, "/a:/b, /c:/d:ro"),
            Map.entry(Setting.CHECKPOINT_INTERVAL, "250ms"),
            Map.entry(Setting.STUCK_AFTER, "11m"),
            Map.entry(Setting.WARM_UP, "10s"),
            Map.entry(Setting.JAVA_HARNESS, "/opt/boot"),
            Map.entry(Setting.EXPANSION, "9097"),
            Map.entry(Setting.SHUTDOWN_TIMEOUT, "9m"));
    assertThat(others).containsOnlyKeys(Setting.values());
    ServiceConfig expected =
        new ServiceConfig(
            "::1",
            9000,
            Path.of("/tmp/other"),
            Optional.of(new DataSize(1L << 30)),
            "debug",
            new DataSize(1 << 20),
            new DataSize(2048),
            new DataSize(3),
            4,
            new DataSize(5L << 40),
            Duration.ofSeconds(6),
            Duration.ofMillis(7),
            Duration.ofDays(8),
            "10.0.0.1",
            new Containers("beam", false, List.of("/a:/b", "/c:/d:ro")),
            Duration.ofMillis(250),
            Duration.ofMinutes(11),
            Duration.ofSeconds(10),
            Optional.of(Path.of("/opt/boot")),
            Optional.of(9097),
            Duration.ofMinutes(9));
    Map<String, String> variables = new TreeMap<>();
    StringBuilder lines = new StringBuilder("# a comment\n\n[serve]\n");
    others.forEach(
        (setting, value) -> {
          variables.put(setting.variable(), value);
          lines.append(setting.key()).append(" = ").append(value).append('\n');
        });
    Path file = Files.writeString(directory.resolve("trestle.conf"), lines);

    assertThat(ConfigSources.resolve(others, Map.of(), null)).isEqualTo(expected);
    assertThat(ConfigSources.resolve(Map.of(), variables, null)).isEqualTo(expected);
    assertThat(ConfigSources.resolve(Map.of(), Map.of(), file)).isEqualTo(expected);
  }

  @Test
  void prefersFlagsThenEnvironmentThenFile() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("trestle.conf"), "port=1\njob-retention=1\nlog-level=error\n");
    ServiceConfig config =
        ConfigSources.resolve(
            Map.of(Setting.PORT, "3"),
            Map.of("TRESTLE_PORT", "2", "TRESTLE_JOB_RETENTION", "2"),
            file);
    assertThat(config.port()).isEqualTo(3);
    assertThat(config.jobRetention()).isEqualTo(2);
    assertThat(config.logLevel()).isEqualTo("error");
  }

  @Test
  void keepsTheStateOfEachPortApart() {
    ServiceConfig config =
        ConfigSources.resolve(
            Map.of(Setting.PORT, "9"), Map.of("XDG_STATE_HOME", "/var/state"), null);
    assertThat(config.stateDir()).isEqualTo(Path.of("/var/state/trestle/9"));
  }

  @Test
  void namesAllProblemsAndWhereTheyAre() throws IOException {
    Path file =
        Files.writeString(directory.resolve("trestle.conf"), "prot = 5\nnonsense\nmemory = lots\n");
    assertThatThrownBy(
            () ->
                ConfigSources.resolve(
                    Map.of(Setting.PORT, "70000"),
                    Map.of(
                        "TRESTLE_LOG_LEVEL",
                        "loud",
                        "TRESTLE_STAGING_TIMEOUT",
                        "soon",
                        "TRESTLE_DOCKER_PULL",
                        "often",
                        "TRESTLE_DOCKER_MOUNTS",
                        "/a:/b,data"),
                    file))
        .isInstanceOf(ConfigException.class)
        .hasMessageContainingAll(
            "line 1: unknown key 'prot'",
            "line 2: no '=' in 'nonsense'",
            "line 3: 'lots' is not a size",
            "--port: '70000' is not a port",
            "environment TRESTLE_LOG_LEVEL: 'loud' is not a level",
            "environment TRESTLE_DOCKER_PULL: 'often' is not missing or never",
            "environment TRESTLE_DOCKER_MOUNTS: 'data' is not HOST:CONTAINER",
            "environment TRESTLE_STAGING_TIMEOUT: 'soon' is not a duration");
  }

  @Test
  void namesAFileThatIsMissing() {
    Path missing = directory.resolve("none.conf");
    assertThatThrownBy(() -> ConfigSources.resolve(Map.of(), Map.of(), missing))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("none.conf");
  }

  @Test
  void isDescribedInTheReadme() throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    for (Setting setting : Setting.values()) {
      String shown = setting.defaultValue().isEmpty() ? "" : setting.defaultValue();
      assertThat(readme).contains("| `" + setting.key() + "` | " + shown);
    }
  }
}
