package org.trestle.engine.metrics;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import org.apache.beam.model.pipeline.v1.MetricsApi.HistogramValue;

/**
 * {@code beam:metrics:histogram_int64:v1}: counts by bucket. Histograms of one metric must have the
 * same buckets.
 */
final class Histograms implements Aggregation<HistogramValue> {

  @Override
  public HistogramValue decode(ByteString payload) throws MalformedPayloadException {
    HistogramValue value;
    try {
      value = HistogramValue.parseFrom(payload);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedPayloadException("not a HistogramValue", e);
    }
    // The count also covers values outside all buckets, which have no bucket count.
    return value.hasCount() ? value : value.toBuilder().setCount(sumOfBuckets(value)).build();
  }

  private static long sumOfBuckets(HistogramValue value) {
    long sum = 0;
    for (int i = 0; i < value.getBucketCountsCount(); i++) {
      sum += value.getBucketCounts(i);
    }
    return sum;
  }

  @Override
  public HistogramValue combine(HistogramValue earlier, HistogramValue later)
      throws MalformedPayloadException {
    if (!earlier.getBucketOptions().equals(later.getBucketOptions())) {
      throw new MalformedPayloadException("buckets differ from an earlier report's");
    }
    HistogramValue.Builder sum =
        HistogramValue.newBuilder()
            .setCount(earlier.getCount() + later.getCount())
            .setBucketOptions(earlier.getBucketOptions());
    int buckets = Math.max(earlier.getBucketCountsCount(), later.getBucketCountsCount());
    for (int i = 0; i < buckets; i++) {
      sum.addBucketCounts(bucket(earlier, i) + bucket(later, i));
    }
    return sum.build();
  }

  private static long bucket(HistogramValue value, int index) {
    return index < value.getBucketCountsCount() ? value.getBucketCounts(index) : 0;
  }

  @Override
  public ByteString encode(HistogramValue state) {
    return state.toByteString();
  }
}
