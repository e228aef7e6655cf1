package org.trestle.job.command;

import com.google.protobuf.Struct;
import java.io.IOException;
import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.execute.Engine;
import org.trestle.engine.execute.EngineOptions;
import org.trestle.engine.execute.LocalEngine;
import org.trestle.engine.execute.PreparedJob;
import org.trestle.engine.fuse.PlanText;
import org.trestle.engine.fuse.Planner;
import org.trestle.fn.environment.DockerOptions;
import org.trestle.fn.environment.EnvironmentOptions;
import org.trestle.fn.environment.EnvironmentWorkers;
import org.trestle.fn.environment.JavaHarness;
import org.trestle.fn.server.FnServer;
import org.trestle.fn.server.FnServerOptions;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.store.StateDirectory;

/** The one place where the engine behind the commands is made. */
final class Engines {
  private Engines() {}

  /**
   * Makes the engine of a service, with the server its harnesses connect to.
   *
   * @throws IOException if that server cannot start, or the state directory cannot be written
   */
  static Engine forService(ServiceConfig config, StateDirectory state) throws IOException {
    String serviceId = state.serviceId();
    FnServer server =
        FnServer.start(
            FnServerOptions.defaults().withAddress(config.workerHost(), 0, config.workerHost()));
    EnvironmentOptions defaults = EnvironmentOptions.defaults();
    EnvironmentWorkers workers =
        new EnvironmentWorkers(
            server,
            new EnvironmentOptions(
                defaults.poolTimeout(), config.workerStartTimeout(), defaults.exitGrace()),
            DockerOptions.of(serviceId)
                .withNetwork(config.containers().network())
                .withPull(config.containers().pull())
                .withMounts(config.containers().mounts()),
            config.javaHarness().map(JavaHarness::new));
    EngineOptions options =
        EngineOptions.defaults(state.engine())
            .withCheckpointInterval(config.checkpointInterval())
            .withStuckAfter(config.stuckAfter());
    if (config.memory().isPresent()) {
      options = options.withMemoryBytes(config.memory().get().bytes());
    }
    return new ServingEngine(
        new LocalEngine(options, workers, server.endpoint(), System::currentTimeMillis),
        workers,
        server);
  }

  /** Makes an engine that only checks and explains: it opens no port and no file. */
  static Engine forExplaining() {
    return new ExplainingEngine();
  }

  /** An engine together with what it stands on. */
  private record ServingEngine(LocalEngine engine, EnvironmentWorkers workers, FnServer server)
      implements Engine {
    @Override
    public List<String> check(Pipeline pipeline) {
      return engine.check(pipeline);
    }

    @Override
    public String explain(Pipeline pipeline) {
      return engine.explain(pipeline);
    }

    @Override
    public PreparedJob prepare(String jobId, Pipeline pipeline, Struct options) {
      return engine.prepare(jobId, pipeline, options);
    }

    @Override
    public void close() {
      engine.close();
      workers.close();
      server.close();
    }
  }

  private static final class ExplainingEngine implements Engine {
    @Override
    public List<String> check(Pipeline pipeline) {
      return Planner.problems(pipeline);
    }

    @Override
    public String explain(Pipeline pipeline) {
      return PlanText.explain(Planner.plan(pipeline, ApiServiceDescriptor.getDefaultInstance()));
    }

    @Override
    public PreparedJob prepare(String jobId, Pipeline pipeline, Struct options) {
      throw new UnsupportedOperationException("this engine only explains");
    }

    @Override
    public void close() {}
  }
}
