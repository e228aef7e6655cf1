package org.trestle.engine.simulation;

import com.google.errorprone.annotations.FormatMethod;
import org.jspecify.annotations.Nullable;

/** The core did what it must not do. */
final class ModelViolation extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ModelViolation(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @FormatMethod
  static void check(boolean condition, String format, @Nullable Object... arguments) {
    if (!condition) {
      throw new ModelViolation(String.format(format, arguments), null);
    }
  }
}
