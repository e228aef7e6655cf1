package org.trestle.engine.windowing;

import org.trestle.engine.core.port.ByteKey;

/** Maps encoded windows of a main input to the encoded windows of a side input that they read. */
@FunctionalInterface
public interface WindowMapping {

  /** The side input's window for elements of a window of the main input. */
  ByteKey sideWindow(ByteKey mainWindow);
}
