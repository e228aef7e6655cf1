package org.trestle.fn.environment;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Makes lines of the UTF-8 bytes that a harness prints; too long ones are cut. For one thread. */
final class LineSplitter {
  private static final int MAX_LINE_BYTES = 4000;

  private final Consumer<String> lines;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  LineSplitter(Consumer<String> lines) {
    this.lines = lines;
  }

  void accept(byte[] bytes, int length) {
    for (int i = 0; i < length; i++) {
      if (bytes[i] == '\n') {
        flush();
      } else if (line.size() < MAX_LINE_BYTES) {
        line.write(bytes[i]);
      }
    }
  }

  /** Hands out what follows the last line break. */
  void end() {
    if (line.size() > 0) {
      flush();
    }
  }

  private void flush() {
    String text = line.toString(StandardCharsets.UTF_8);
    line.reset();
    lines.accept(text.endsWith("\r") ? text.substring(0, text.length() - 1) : text);
  }
}
