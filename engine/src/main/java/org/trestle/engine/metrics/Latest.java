package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** The value with the greatest timestamp; of two with the same one, the greater value. */
final class Latest {
  private Latest() {}

  /** {@code beam:metrics:latest_int64:v1}. */
  static final class OfLong implements Aggregation<OfLong.LongAt> {
    private static final Comparator<LongAt> ORDER =
        Comparator.comparingLong(LongAt::millis).thenComparingLong(LongAt::value);

    /** A value seen at some milliseconds after the epoch. */
    record LongAt(long millis, long value) {}

    @Override
    public LongAt decode(ByteString payload) throws MalformedPayloadException {
      return PayloadReader.parse(payload, in -> new LongAt(in.varint(), in.varint()));
    }

    @Override
    public LongAt combine(LongAt earlier, LongAt later) {
      return ORDER.compare(earlier, later) > 0 ? earlier : later;
    }

    @Override
    public ByteString encode(LongAt state) {
      return new PayloadWriter().varint(state.millis).varint(state.value).payload();
    }
  }

  /** {@code beam:metrics:latest_double:v1}. */
  static final class OfDouble implements Aggregation<OfDouble.DoubleAt> {
    private static final Comparator<DoubleAt> ORDER =
        Comparator.comparingLong(DoubleAt::millis).thenComparingDouble(DoubleAt::value);

    /** A value seen at some milliseconds after the epoch. */
    record DoubleAt(long millis, double value) {}

    @Override
    public DoubleAt decode(ByteString payload) throws MalformedPayloadException {
      return PayloadReader.parse(payload, in -> new DoubleAt(in.varint(), in.float64()));
    }

    @Override
    public DoubleAt combine(DoubleAt earlier, DoubleAt later) {
      return ORDER.compare(earlier, later) > 0 ? earlier : later;
    }

    @Override
    public ByteString encode(DoubleAt state) {
      return new PayloadWriter().varint(state.millis).float64(state.value).payload();
    }
  }

  /**
   * The payload reported last, unread: for types that describe the present, such as progress, and
   * for types unknown here. Depends on the order of reports.
   */
  static final class Reported implements Aggregation<ByteString> {
    @Override
    public ByteString decode(ByteString payload) {
      return payload;
    }

    @Override
    public ByteString combine(ByteString earlier, ByteString later) {
      return later;
    }

    @Override
    public @Nullable ByteString encode(ByteString state) {
      return state;
    }
  }

  /** {@code beam:metrics:progress:v1}: the work of each active element, as reported last. */
  static final class Progress implements Aggregation<ByteString> {
    @Override
    public ByteString decode(ByteString payload) throws MalformedPayloadException {
      PayloadReader.parse(payload, in -> in.iterable(in::float64));
      return payload;
    }

    @Override
    public ByteString combine(ByteString earlier, ByteString later) {
      return later;
    }

    @Override
    public ByteString encode(ByteString state) {
      return state;
    }
  }
}
