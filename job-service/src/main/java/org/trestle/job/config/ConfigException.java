package org.trestle.job.config;

import java.util.List;

/**
 * The configuration cannot be used. The message lists every problem and where its value is from.
 */
public final class ConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ConfigException(List<String> problems) {
    super(String.join(System.lineSeparator(), problems));
  }
}
