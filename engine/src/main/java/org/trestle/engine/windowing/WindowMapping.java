package org.trestle.engine.windowing;

import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;

/** Maps encoded windows of a main input to the encoded windows of a side input that they read. */
@FunctionalInterface
public interface WindowMapping {

  /**
   * The side input's window for elements of a window of the main input; null if the answer is still
   * to come.
   */
  @Nullable ByteKey sideWindow(ByteKey mainWindow);

  /** Whether an answer is still to come. */
  default boolean isAsking() {
    return false;
  }

  /** Windows of the main input that end before this time will not be asked for any more. */
  default void passed(long watermark) {}
}
