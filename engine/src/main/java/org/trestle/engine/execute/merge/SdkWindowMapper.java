package org.trestle.engine.execute.merge;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.FunctionSpec;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.control.SdkWorker;

/**
 * Maps windows of a main input to those of a side input by asking the SDK whose mapping fn it is.
 * Safe for use by several threads; each call runs one bundle and blocks until it ends or the
 * deadline passes.
 */
public final class SdkWindowMapper {
  private final WindowProgram program;
  private final HelperBundle helper;

  /**
   * A mapping of windows.
   *
   * @param id of the descriptor, of which there must be no other
   * @param name whose windows are mapped, for people
   * @param function the window mapping fn of the side input
   * @param environmentId where the fn can run
   */
  public record Mapping(
      String id,
      String name,
      FunctionSpec function,
      String mainWindowCoderId,
      String sideWindowCoderId,
      String environmentId) {}

  /**
   * Creates a mapper and registers what its bundles run.
   *
   * @param components of the pipeline
   * @param endpoint of the data service, as harnesses reach it
   * @param registry takes the descriptor; it must be known to workers when this returns
   * @param workers gives a worker of the environment; may block, and fail with an unchecked
   *     exception
   * @param deadline of one bundle
   * @throws org.trestle.fn.wire.UnknownCoderException if the runner cannot read the windows
   */
  public SdkWindowMapper(
      Components components,
      Mapping mapping,
      ApiServiceDescriptor endpoint,
      Consumer<ProcessBundleDescriptor> registry,
      Supplier<SdkWorker> workers,
      Duration deadline) {
    this.program = WindowProgram.mapping(components, mapping, endpoint);
    this.helper =
        new HelperBundle(
            workers, deadline, "window mapping fn of " + mapping.name(), "map windows");
    var unused = new MappedWindows(program, List.of()); // are coders readable?
    registry.accept(program.descriptor());
  }

  /**
   * The side input's windows, one for each window of the main input.
   *
   * @throws WindowMergeException if the fn fails or gives a wrong answer, too many workers are
   *     lost, the deadline passes, or the thread is interrupted
   */
  public List<ByteKey> map(List<ByteKey> mainWindows) {
    if (mainWindows.isEmpty()) {
      return List.of();
    }
    return helper.ask(program, () -> new MappedWindows(program, mainWindows));
  }
}
