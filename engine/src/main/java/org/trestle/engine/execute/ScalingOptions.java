package org.trestle.engine.execute;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.OptionalInt;
import org.trestle.engine.core.scale.PoolLimits;

/**
 * What a pipeline's options say about the number of workers, by the names they have on Dataflow:
 * {@code num_workers}, {@code max_num_workers}, {@code autoscaling_algorithm}, and {@code
 * min_num_workers}. What makes no sense is taken as not said.
 *
 * @param first workers to start with
 * @param fixed whether the number stays as it is
 */
record ScalingOptions(OptionalInt first, OptionalInt min, OptionalInt max, boolean fixed) {
  /** No pool gets larger, whatever is asked for. */
  static final int MOST_WORKERS = 1000;

  /** Reads options as an SDK sends them. */
  static ScalingOptions of(Struct options) {
    return new ScalingOptions(
        number(options, "num_workers"),
        number(options, "min_num_workers"),
        number(options, "max_num_workers"),
        PipelineOptions.value(options, "autoscaling_algorithm").getStringValue().equals("NONE"));
  }

  private static OptionalInt number(Struct options, String name) {
    Value value = PipelineOptions.value(options, name);
    double number = value.getNumberValue();
    try {
      number = value.hasStringValue() ? Integer.parseInt(value.getStringValue()) : number;
    } catch (NumberFormatException noNumber) {
      return OptionalInt.empty();
    }
    return number >= 1 ? OptionalInt.of((int) Math.min(MOST_WORKERS, number)) : OptionalInt.empty();
  }

  /**
   * The limits of a pool.
   *
   * @param usual how many workers it has at most if nothing is said
   */
  PoolLimits limits(int usual, int bundles, int maxBundles) {
    int most = max.orElse(Math.max(usual, Math.max(first.orElse(1), min.orElse(1))));
    if (fixed) {
      int workers = Math.min(first.orElse(usual), most);
      return new PoolLimits(workers, workers, bundles, maxBundles);
    }
    return new PoolLimits(Math.min(min.orElse(1), most), most, bundles, maxBundles);
  }

  /** How many workers a pool starts with. */
  int first(PoolLimits limits, int usual) {
    return Math.max(limits.minWorkers(), Math.min(limits.maxWorkers(), first.orElse(usual)));
  }
}
