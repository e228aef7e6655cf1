package org.trestle.client;

import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Where a pipeline's user code runs. */
public enum EnvironmentType {
  /** In threads of the submitting process. */
  LOOPBACK,
  /** In a worker pool that is running already. */
  EXTERNAL,
  /** In processes that the service starts with a command. */
  PROCESS,
  /** In containers. */
  DOCKER,
  /** In what the service takes for environments that leave it the choice. */
  DEFAULT;

  /**
   * The type of a name; LOOPBACK if there is none.
   *
   * @throws IllegalArgumentException naming all types, if the name is none of them
   */
  static EnvironmentType named(@Nullable String name) {
    if (name == null || name.isEmpty()) {
      return LOOPBACK;
    }
    for (EnvironmentType type : values()) {
      if (type.name().equals(name.toUpperCase(Locale.ROOT))) {
        return type;
      }
    }
    throw new IllegalArgumentException(
        "no environment type '" + name + "': there are " + Arrays.toString(values()));
  }
}
