package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The greatest or the least N values.
 *
 * <p>Payloads do not say what N is, and a bundle with few values reports fewer than N. The longest
 * report is therefore taken for N; because a longer one may still come, more than N values are kept
 * ({@value #MAX_KEPT} at most), so that the result does not depend on the order of reports.
 *
 * @param <T> the type of values
 */
final class Extremes<T> implements Aggregation<Extremes.State<T>> {
  static final int MAX_KEPT = 1_000;

  private final Comparator<T> bestFirst;
  private final Codec<T> codec;

  private Extremes(Comparator<T> bestFirst, Codec<T> codec) {
    this.bestFirst = bestFirst;
    this.codec = codec;
  }

  /** Some values, best first, of which the first {@code reported} are the metric. */
  record State<T>(int reported, List<T> values) {}

  private interface Codec<T> {
    T read(PayloadReader in) throws IOException;

    void write(PayloadWriter out, T value);
  }

  private static final Codec<Long> LONG =
      new Codec<>() {
        @Override
        public Long read(PayloadReader in) throws IOException {
          return in.varint();
        }

        @Override
        public void write(PayloadWriter out, Long value) {
          out.varint(value);
        }
      };

  private static final Codec<Double> DOUBLE =
      new Codec<>() {
        @Override
        public Double read(PayloadReader in) throws IOException {
          return in.float64();
        }

        @Override
        public void write(PayloadWriter out, Double value) {
          out.float64(value);
        }
      };

  /** {@code beam:metrics:top_n_int64:v1}. */
  static Extremes<Long> greatestLongs() {
    return new Extremes<>(Comparator.reverseOrder(), LONG);
  }

  /** {@code beam:metrics:bottom_n_int64:v1}. */
  static Extremes<Long> leastLongs() {
    return new Extremes<>(Comparator.naturalOrder(), LONG);
  }

  /** {@code beam:metrics:top_n_double:v1}. */
  static Extremes<Double> greatestDoubles() {
    return new Extremes<>(Comparator.reverseOrder(), DOUBLE);
  }

  /** {@code beam:metrics:bottom_n_double:v1}. */
  static Extremes<Double> leastDoubles() {
    return new Extremes<>(Comparator.naturalOrder(), DOUBLE);
  }

  @Override
  public State<T> decode(ByteString payload) throws MalformedPayloadException {
    return PayloadReader.parse(payload, in -> ofReport(in.iterable(() -> codec.read(in))));
  }

  @Override
  public State<T> combine(State<T> earlier, State<T> later) {
    List<T> all = new ArrayList<>(earlier.values);
    all.addAll(later.values);
    return new State<>(Math.max(earlier.reported, later.reported), best(all));
  }

  private State<T> ofReport(List<T> values) {
    List<T> best = best(values);
    return new State<>(best.size(), best);
  }

  private List<T> best(List<T> values) {
    values.sort(bestFirst);
    return List.copyOf(values.subList(0, Math.min(values.size(), MAX_KEPT)));
  }

  @Override
  public ByteString encode(State<T> state) {
    PayloadWriter out = new PayloadWriter();
    return out.iterable(state.values.subList(0, state.reported), value -> codec.write(out, value))
        .payload();
  }
}
