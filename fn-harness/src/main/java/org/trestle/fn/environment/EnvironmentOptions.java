package org.trestle.fn.environment;

import java.time.Duration;

/**
 * The deadlines of starting and stopping harnesses.
 *
 * @param poolTimeout for a worker pool to answer a request to start or stop a worker
 * @param connectTimeout for a started harness to open its control stream
 * @param exitGrace for a harness process to end by itself, before it is killed
 */
public record EnvironmentOptions(
    Duration poolTimeout, Duration connectTimeout, Duration exitGrace) {

  /** Returns 10 s, 60 s and 5 s. */
  public static EnvironmentOptions defaults() {
    return new EnvironmentOptions(
        Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofSeconds(5));
  }
}
