package org.trestle.benchmark;

import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.Sum;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TypeDescriptors;

/** Fails the job unless the elements add up to a number. */
final class ExpectSum extends PTransform<PCollection<Long>, PCollection<Long>> {
  private final long wanted;

  ExpectSum(long wanted) {
    this.wanted = wanted;
  }

  @Override
  public PCollection<Long> expand(PCollection<Long> input) {
    long sum = wanted;
    return input
        .apply(Sum.longsGlobally())
        .apply(
            MapElements.into(TypeDescriptors.longs())
                .via(
                    (Long found) -> {
                      if (found != sum) {
                        throw new IllegalStateException(
                            "wrong answer: " + found + " instead of " + sum);
                      }
                      return found;
                    }));
  }
}
