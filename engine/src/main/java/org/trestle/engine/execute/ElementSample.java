package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.Optional;
import java.util.OptionalLong;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.shuffle.EncodedBlock;

/** Shows people some elements of a bundle, as far as encoded bytes can be read. */
final class ElementSample {
  private static final int MOST_ELEMENTS = 3;
  private static final int MOST_BYTES = 200;

  private ElementSample() {}

  /** Some elements from one on, as text; the first is number 0. */
  private static String from(long first, BundleWork work) {
    StringBuilder text = new StringBuilder();
    long start = 0;
    int shown = 0;
    for (ElementBlock block : work.elements()) {
      for (long i = Math.max(0, first - start); i < block.count() && shown < MOST_ELEMENTS; i++) {
        int at = (int) i;
        append(((EncodedBlock) block).slice(at, at + 1).data(), text.append("\n  "));
        shown++;
      }
      start += block.count();
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

  /**
   * Says what a bundle that is given up had, for the job's messages.
   *
   * @param reached the element that its worker was at when it was asked last, from 0
   */
  static Optional<String> report(String stage, BundleWork work, OptionalLong reached) {
    long count = work.elementCount();
    if (count == 0) {
      return Optional.empty();
    }
    boolean known = reached.isPresent() && reached.getAsLong() >= 0 && reached.getAsLong() < count;
    long first = known && count > MOST_ELEMENTS ? reached.getAsLong() : 0;
    String where = known ? "; its worker was last seen at number " + (reached.getAsLong() + 1) : "";
    return Optional.of(
        "the bundle of stage %s that failed has %d elements%s; from number %d on, as encoded: %s"
            .formatted(stage, count, where, first + 1, from(first, work)));
  }
}
