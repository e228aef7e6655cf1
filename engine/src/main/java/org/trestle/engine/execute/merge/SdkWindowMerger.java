package org.trestle.engine.execute.merge;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.WindowingStrategy;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.wire.WireFormatException;

/**
 * Merges windows by asking the SDK whose window fn it is. Safe for use by several threads; each
 * call runs one bundle and blocks until it ends or the deadline passes.
 *
 * <p>Windows are opaque bytes here, so the SDK's window coder has to be deterministic. When a
 * worker is lost, another one is asked, {@value #ATTEMPTS} in all; user code that raises is not
 * retried here.
 */
public final class SdkWindowMerger implements WindowMerger {
  static final int ATTEMPTS = 4;

  private final String windowFn;
  private final String windowCoderId;
  private final MergeProgram program;
  private final Supplier<SdkWorker> workers;
  private final Duration deadline;

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
    this.windowFn =
        "window fn " + strategy.getWindowFn().getUrn() + " of windowing strategy " + strategyId;
    this.windowCoderId = strategy.getWindowCoderId();
    this.program = MergeProgram.of("merge_windows:" + strategyId, components, strategy, endpoint);
    this.workers = workers;
    this.deadline = deadline;
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
    for (int attempt = 1; ; attempt++) {
      try {
        return ask(workers.get(), windowSets);
      } catch (WorkerLostException e) {
        if (attempt == ATTEMPTS) {
          throw new WindowMergeException(
              windowFn + ": lost " + ATTEMPTS + " workers while merging windows", e);
        }
      }
    }
  }

  private List<List<Merged>> ask(SdkWorker worker, List<List<ByteKey>> windowSets)
      throws WorkerLostException {
    MergedWindowsOutput output = new MergedWindowsOutput(program, windowCoderId, windowSets);
    RunningBundle bundle = worker.process(request(windowSets), output);
    try {
      var unused = bundle.done().get(deadline.toMillis(), TimeUnit.MILLISECONDS);
      return output.complete();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof WorkerLostException lost) {
        throw lost;
      }
      String reason = e.getCause() == null ? e.toString() : e.getCause().getMessage();
      throw new WindowMergeException(windowFn + " failed to merge windows: " + reason, e);
    } catch (WireFormatException e) {
      throw new WindowMergeException(windowFn + ": wrong answer: " + e.getMessage(), e);
    } catch (TimeoutException e) {
      bundle.abandon("merging of windows took longer than " + deadline.toSeconds() + " s");
      throw new WindowMergeException(
          windowFn + " did not merge windows within " + deadline.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      bundle.abandon("the merging thread was interrupted");
      Thread.currentThread().interrupt();
      throw new WindowMergeException(windowFn + ": interrupted while merging windows", e);
    }
  }

  private BundleRequest request(List<List<ByteKey>> windowSets) {
    return new BundleRequest(
        program.descriptor().getId(),
        new WindowSetInput(windowSets),
        List.of(MergeProgram.SOURCE),
        List.of(),
        Set.of(MergeProgram.SINK),
        List.of(),
        false);
  }
}
