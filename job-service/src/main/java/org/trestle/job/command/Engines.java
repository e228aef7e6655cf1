package org.trestle.job.command;

import java.util.List;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.trestle.engine.execute.Engine;
import org.trestle.engine.execute.JobExecution;
import org.trestle.engine.execute.JobListener;
import org.trestle.job.config.ServiceConfig;
import org.trestle.job.store.StateDirectory;

/** The one place where the engine behind the commands is made. */
final class Engines {
  private Engines() {}

  /** Makes the engine of a service. */
  static Engine forService(ServiceConfig config, StateDirectory state) {
    return new Absent();
  }

  /** Makes an engine that only checks and explains: it opens no port and no file. */
  static Engine forExplaining() {
    return new Absent();
  }

  /** Refuses every pipeline; stands in while the engine is not part of the build. */
  private static final class Absent implements Engine {
    @Override
    public List<String> check(Pipeline pipeline) {
      return List.of("this build has no engine");
    }

    @Override
    public String explain(Pipeline pipeline) {
      return "this build has no engine";
    }

    @Override
    public JobExecution start(JobSpec job, JobListener listener) {
      throw new IllegalStateException("this build has no engine");
    }

    @Override
    public void close() {}
  }
}
