package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Count, sum, least and greatest value. A payload whose count is zero may end after the count; an
 * empty distribution is not written at all, since some clients cannot read the short form.
 */
final class Distributions {
  private Distributions() {}

  /** {@code beam:metrics:distribution_int64:v1}. */
  static final class OfLong implements Aggregation<OfLong.Longs> {
    private static final Longs EMPTY = new Longs(0, 0, Long.MAX_VALUE, Long.MIN_VALUE);

    /** The distribution of some integers. */
    record Longs(long count, long sum, long min, long max) {}

    @Override
    public Longs decode(ByteString payload) throws MalformedPayloadException {
      return PayloadReader.parse(payload, OfLong::read);
    }

    private static Longs read(PayloadReader in) throws IOException {
      long count = in.varint();
      if (count == 0 && in.atEnd()) {
        return EMPTY;
      }
      Longs state = new Longs(count, in.varint(), in.varint(), in.varint());
      return count == 0 ? EMPTY : state;
    }

    @Override
    public Longs combine(Longs earlier, Longs later) {
      return new Longs(
          earlier.count + later.count,
          earlier.sum + later.sum,
          Math.min(earlier.min, later.min),
          Math.max(earlier.max, later.max));
    }

    @Override
    public @Nullable ByteString encode(Longs state) {
      return state.count == 0
          ? null
          : new PayloadWriter()
              .varint(state.count)
              .varint(state.sum)
              .varint(state.min)
              .varint(state.max)
              .payload();
    }
  }

  /** {@code beam:metrics:distribution_double:v1}. The sum is associative up to rounding. */
  static final class OfDouble implements Aggregation<OfDouble.Doubles> {
    private static final Doubles EMPTY =
        new Doubles(0, 0, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY);

    /** The distribution of some doubles. */
    record Doubles(long count, double sum, double min, double max) {}

    @Override
    public Doubles decode(ByteString payload) throws MalformedPayloadException {
      return PayloadReader.parse(payload, OfDouble::read);
    }

    private static Doubles read(PayloadReader in) throws IOException {
      long count = in.varint();
      if (count == 0 && in.atEnd()) {
        return EMPTY;
      }
      Doubles state = new Doubles(count, in.float64(), in.float64(), in.float64());
      return count == 0 ? EMPTY : state;
    }

    @Override
    public Doubles combine(Doubles earlier, Doubles later) {
      return new Doubles(
          earlier.count + later.count,
          earlier.sum + later.sum,
          Math.min(earlier.min, later.min),
          Math.max(earlier.max, later.max));
    }

    @Override
    public @Nullable ByteString encode(Doubles state) {
      return state.count == 0
          ? null
          : new PayloadWriter()
              .varint(state.count)
              .float64(state.sum)
              .float64(state.min)
              .float64(state.max)
              .payload();
    }
  }
}
