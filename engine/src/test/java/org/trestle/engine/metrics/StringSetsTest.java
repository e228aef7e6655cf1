package org.trestle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StringSetsTest {
  private static final String URN = "beam:metrics:set_string:v1";
  private static final int LENGTH = 10_000;

  private static ByteString set(List<String> strings) {
    PayloadWriter out = new PayloadWriter();
    return out.iterable(strings, out::string).payload();
  }

  private static String longString(int i) {
    String name = String.format("%06d", i);
    return name + "x".repeat(LENGTH - name.length());
  }

  @Test
  void keepsTheStringsThatSortFirstInWhateverOrderTheyCame() {
    List<ByteString> payloads = new ArrayList<>();
    List<String> expected = new ArrayList<>();
    int kept = StringSets.MAX_CHARS / LENGTH;
    for (int i = 0; i < kept + 20; i++) {
      // a short string next to each long one: it must not slip in once the limit was passed
      payloads.add(set(List.of(longString(2 * i), longString(2 * i + 1).substring(0, 7))));
    }
    for (int seed = 0; seed < 20; seed++) {
      Collections.shuffle(payloads, new Random(seed));
      MetricsAccumulator first = new MetricsAccumulator();
      MetricsAccumulator second = new MetricsAccumulator();
      payloads.subList(0, 50).forEach(set -> first.add(List.of(Metrics.metric(URN, set))));
      payloads
          .subList(50, payloads.size())
          .forEach(set -> second.add(List.of(Metrics.metric(URN, set))));
      first.addAll(second);
      List<String> strings = strings(first);
      if (expected.isEmpty()) {
        expected.addAll(strings);
      }
      assertThat(strings).isEqualTo(expected);
      assertThat(strings.stream().mapToInt(String::length).sum())
          .isBetween(StringSets.MAX_CHARS - LENGTH, StringSets.MAX_CHARS);
    }
  }

  private static List<String> strings(MetricsAccumulator metrics) {
    ByteString payload = metrics.snapshot().get(0).getPayload();
    try {
      return PayloadReader.parse(payload, in -> in.iterable(in::string));
    } catch (MalformedPayloadException e) {
      throw new AssertionError(e);
    }
  }
}
