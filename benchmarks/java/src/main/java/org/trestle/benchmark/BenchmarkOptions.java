package org.trestle.benchmark;

import java.util.List;
import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;

/** What the program runs. */
public interface BenchmarkOptions extends PipelineOptions {
  /** Names of workloads, in the order in which they run. */
  @Description("Names of workloads, comma-separated")
  @Default.InstanceFactory(Catalogue.AllNames.class)
  List<String> getWorkloads();

  /** Sets the names of the workloads. */
  void setWorkloads(List<String> value);

  /** A factor for all sizes. */
  @Description("A factor for all sizes")
  @Default.Double(1)
  double getScale();

  /** Sets the factor for all sizes. */
  void setScale(double value);

  /** Whether the names of the workloads are printed instead. */
  @Description("Prints the names of the workloads and runs none")
  @Default.Boolean(false)
  boolean getList();

  /** Sets whether the names of the workloads are printed instead. */
  void setList(boolean value);
}
