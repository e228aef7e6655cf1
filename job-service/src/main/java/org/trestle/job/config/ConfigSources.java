package org.trestle.job.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the value of each setting: flag, then environment, then file, then default. All problems
 * are reported at once.
 */
public final class ConfigSources {
  private final Map<Setting, String> flags;
  private final Map<String, String> environment;
  private final List<String> problems = new ArrayList<>();
  private final Map<Setting, Origin> found = new EnumMap<>(Setting.class);

  private record Origin(String value, String from) {}

  private ConfigSources(Map<Setting, String> flags, Map<String, String> environment) {
    this.flags = flags;
    this.environment = environment;
  }

  /**
   * Resolves all settings.
   *
   * @param flags values given on the command line
   * @param environment the process's environment
   * @param file a file of {@code key = value} lines, or null
   * @throws ConfigException if a value cannot be used or the file cannot be read
   */
  public static ServiceConfig resolve(
      Map<Setting, String> flags, Map<String, String> environment, @Nullable Path file) {
    return new ConfigSources(flags, environment).resolve(file);
  }

  private ServiceConfig resolve(@Nullable Path file) {
    for (Setting setting : Setting.values()) {
      found.put(setting, new Origin(setting.defaultValue(), "default"));
    }
    if (file != null) {
      readFile(file);
    }
    for (Setting setting : Setting.values()) {
      String value = environment.get(setting.variable());
      if (value != null) {
        found.put(setting, new Origin(value, "environment " + setting.variable()));
      }
    }
    flags.forEach((setting, value) -> found.put(setting, new Origin(value, setting.flag())));

    Map<Setting, String> values = new EnumMap<>(Setting.class);
    found.forEach(
        (setting, origin) -> {
          try {
            setting.check(origin.value());
            values.put(setting, origin.value().strip());
          } catch (IllegalArgumentException e) {
            problems.add(origin.from() + ": " + e.getMessage());
          }
        });
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
    return ServiceConfig.of(values, environment);
  }

  private void readFile(Path file) {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      problems.add("configuration file " + file + " cannot be read: " + e.getMessage());
      return;
    }
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (line.isEmpty() || line.startsWith("#") || line.startsWith(";") || line.startsWith("[")) {
        continue;
      }
      String place = file + " line " + (i + 1);
      int equals = line.indexOf('=');
      if (equals < 0) {
        problems.add(place + ": no '=' in '" + line + "'; write key = value");
        continue;
      }
      String key = line.substring(0, equals).strip();
      Setting setting = Setting.find(key).orElse(null);
      if (setting == null) {
        problems.add(place + ": unknown key '" + key + "'");
      } else {
        found.put(setting, new Origin(line.substring(equals + 1).strip(), place));
      }
    }
  }
}
