package org.trestle.benchmark.micro;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.trestle.fn.wire.WindowedValueCursor;

/** Finding the ends of encoded elements; figures are per element. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class SkippingBenchmark {
  private static final int ELEMENTS = 10_000;

  private final byte[] elements = SampleElements.of(ELEMENTS, 1000).toByteArray();
  private final WindowedValueCursor keyed = SampleElements.FORMAT.cursor();
  private final WindowedValueCursor plain = SampleElements.FORMAT.whole().cursor();

  /** With a look at each key, as for a shuffle. */
  @Benchmark
  @OperationsPerInvocation(ELEMENTS)
  public long keyedElements() {
    return skip(keyed);
  }

  /** Without regard to keys. */
  @Benchmark
  @OperationsPerInvocation(ELEMENTS)
  public long plainElements() {
    return skip(plain);
  }

  private long skip(WindowedValueCursor cursor) {
    long ends = 0;
    cursor.reset(elements);
    while (cursor.next()) {
      ends += cursor.elementEnd();
    }
    return ends;
  }
}
