package org.trestle.client;

import java.util.List;
import org.apache.beam.sdk.PipelineRunner;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsRegistrar;
import org.apache.beam.sdk.runners.PipelineRunnerRegistrar;

/** Tells Beam of the runner and its options, so that flags can name them. */
public final class TrestleRegistrar {
  private TrestleRegistrar() {}

  /** Makes {@code --runner=TrestleRunner} known. */
  public static final class Runners implements PipelineRunnerRegistrar {
    @Override
    public Iterable<Class<? extends PipelineRunner<?>>> getPipelineRunners() {
      return List.of(TrestleRunner.class);
    }
  }

  /** Makes the flags of {@link TrestlePipelineOptions} known. */
  public static final class Options implements PipelineOptionsRegistrar {
    @Override
    public Iterable<Class<? extends PipelineOptions>> getPipelineOptions() {
      return List.of(TrestlePipelineOptions.class);
    }
  }
}
