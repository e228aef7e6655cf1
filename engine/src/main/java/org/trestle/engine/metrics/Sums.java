package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;

/** Sums of all values. An integer sum wraps like the SDKs' own 64-bit sums. */
final class Sums {
  private Sums() {}

  /** {@code beam:metrics:sum_int64:v1}. */
  static final class OfLong implements Aggregation<Long> {
    @Override
    public Long decode(ByteString payload) throws MalformedPayloadException {
      return PayloadReader.parse(payload, PayloadReader::varint);
    }

    @Override
    public Long combine(Long earlier, Long later) {
      return earlier + later;
    }

    @Override
    public ByteString encode(Long state) {
      return new PayloadWriter().varint(state).payload();
    }
  }

  /** {@code beam:metrics:sum_double:v1}. Associative up to rounding. */
  static final class OfDouble implements Aggregation<Double> {
    @Override
    public Double decode(ByteString payload) throws MalformedPayloadException {
      return PayloadReader.parse(payload, PayloadReader::float64);
    }

    @Override
    public Double combine(Double earlier, Double later) {
      return earlier + later;
    }

    @Override
    public ByteString encode(Double state) {
      return new PayloadWriter().float64(state).payload();
    }
  }
}
