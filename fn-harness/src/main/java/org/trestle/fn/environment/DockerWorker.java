package org.trestle.fn.environment;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.trestle.fn.control.WorkerSpec;

/**
 * A harness in a container of its own, whose entry point is the boot program of an SDK. The
 * environment's resource hints are the container's limits.
 */
final class DockerWorker implements EnvironmentWorkers.Host {
  private final String image;
  private final HarnessOutput output;
  private final EnvironmentOptions options;
  private final CompletableFuture<DockerContainer> container;
  private final CompletableFuture<String> ended;
  private final AtomicBoolean stopping = new AtomicBoolean();

  /** Asks the engine for a container, which may have to pull its image first. */
  DockerWorker(
      Environment environment,
      String workerId,
      ApiServiceDescriptor runner,
      WorkerSpec spec,
      DockerEngine engine,
      EnvironmentOptions options) {
    this.image = EnvironmentResolver.docker(environment).getContainerImage();
    this.output = new HarnessOutput(workerId, "container output", spec.logs());
    this.options = options;
    DockerEngine.Request request =
        new DockerEngine.Request(
            image,
            BootArguments.of(workerId, runner),
            Map.of(
                DockerEngine.JOB_LABEL, spec.jobId(),
                DockerEngine.ENVIRONMENT_LABEL, spec.environmentId()),
            ResourceHints.of(environment));
    container =
        engine
            .image(image)
            .thenCompose(
                there ->
                    stopping.get()
                        ? CompletableFuture.failedFuture(new DockerException("it was stopped"))
                        : engine.start(request, output));
    ended = container.thenCompose(DockerContainer::ended);
  }

  @Override
  public CompletableFuture<Void> started() {
    return container.handle(
        (running, failure) -> {
          if (failure != null) {
            throw new WorkerStartException(
                this + " cannot be started: " + EnvironmentWorkers.messageOf(failure));
          }
          return null;
        });
  }

  @Override
  public CompletableFuture<String> ended() {
    return ended;
  }

  @Override
  public CompletableFuture<String> explain(String how) {
    return output.explain(ended, how);
  }

  @Override
  public CompletableFuture<Void> stop() {
    stopping.set(true);
    CompletableFuture<Void> stopped = new CompletableFuture<>();
    var unused =
        container
            .thenCompose(running -> running.stop(options.exitGrace()))
            .whenComplete((nothing, failure) -> stopped.complete(null));
    return stopped;
  }

  @Override
  public String toString() {
    return "container of image '" + image + "'";
  }
}
