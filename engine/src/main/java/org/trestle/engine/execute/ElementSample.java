package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.Optional;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.EncodedBlock;

/** Shows people some elements of a bundle, as far as encoded bytes can be read. */
final class ElementSample {
  private static final int MOST_ELEMENTS = 3;
  private static final int MOST_BYTES = 200;

  private ElementSample() {}

  private static String of(BundleWork work) {
    StringBuilder text = new StringBuilder();
    int shown = 0;
    for (ElementBlock block : work.elements()) {
      for (int i = 0; i < block.count() && shown < MOST_ELEMENTS; i++) {
        append(((EncodedBlock) block).slice(i, i + 1).data(), text.append("\n  "));
        shown++;
      }
    }
    return text.toString();
  }

  private static void append(ByteString element, StringBuilder text) {
    for (int i = 0; i < Math.min(element.size(), MOST_BYTES); i++) {
      int value = element.byteAt(i) & 0xff;
      if (value >= ' ' && value < 0x7f && value != '\\') {
        text.append((char) value);
      } else {
        text.append("\\x%02x".formatted(value));
      }
    }
    if (element.size() > MOST_BYTES) {
      text.append("... (").append(element.size()).append(" bytes)");
    }
  }

  /** Says what a bundle that is given up had, for the job's messages. */
  static Optional<String> report(String stage, BundleWork work) {
    String elements = of(work);
    return elements.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "the bundle of stage %s that failed has %d elements, the first of them, as encoded: %s"
                .formatted(stage, work.elementCount(), elements));
  }
}
