package org.trestle.engine.execute.merge;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.fn.control.SdkWorker;

/**
 * Merges windows by asking the SDK whose window fn it is. Safe for use by several threads; each
 * call runs one bundle and blocks until it ends or the deadline passes.
 *
 * <p>Windows are opaque bytes here, so the SDK's window coder has to be deterministic. When a
 * worker is lost, another one is asked; user code that raises is not retried here.
 */
public final class SdkWindowMerger implements WindowMerger {
  private final String windowCoderId;
  private final WindowProgram program;
  private final HelperBundle helper;

  /**
   * Creates a merger and registers what its bundles run.
   *
   * @param strategyId id of the windowing strategy in {@code components}, which has a custom
   *     merging window fn and a window coder that the runner can skip
   * @param endpoint of the data service, as harnesses reach it
   * @param registry takes the descriptor; it must be known to workers when this returns
   * @param workers gives a worker of the strategy's environment; may block, and fail with an
   *     unchecked exception
   * @param deadline of one bundle
   * @throws org.trestle.fn.wire.UnknownCoderException if the runner cannot read the windows
   */
  public SdkWindowMerger(
      Components components,
      String strategyId,
      ApiServiceDescriptor endpoint,
      Consumer<ProcessBundleDescriptor> registry,
      Supplier<SdkWorker> workers,
      Duration deadline) {
    WindowingStrategy strategy = components.getWindowingStrategiesOrThrow(strategyId);
    String windowFn =
        "window fn " + strategy.getWindowFn().getUrn() + " of windowing strategy " + strategyId;
    this.windowCoderId = strategy.getWindowCoderId();
    this.program =
        WindowProgram.merging("merge_windows:" + strategyId, components, strategy, endpoint);
    this.helper = new HelperBundle(workers, deadline, windowFn, "merge windows");
    var unused = new MergedWindowsOutput(program, windowCoderId, List.of()); // are coders readable?
    registry.accept(program.descriptor());
  }

  /**
   * {@inheritDoc}
   *
   * @throws WindowMergeException if the window fn fails or gives a wrong answer, too many workers
   *     are lost, the deadline passes, or the thread is interrupted
   */
  @Override
  public List<List<Merged>> merge(List<List<ByteKey>> windowSets) {
    if (windowSets.isEmpty()) {
      return List.of();
    }
    return helper.ask(program, () -> new MergedWindowsOutput(program, windowCoderId, windowSets));
  }
}
