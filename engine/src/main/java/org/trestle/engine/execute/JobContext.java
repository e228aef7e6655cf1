package org.trestle.engine.execute;

import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.scale.PoolLimits;
import org.trestle.engine.execute.Engine.JobSpec;
import org.trestle.engine.fuse.FusedPipeline;
import org.trestle.engine.fuse.Planner;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.WorkerFactory;
import org.trestle.proto.Urns;

/**
 * What a job uses of its engine, and what is made for this job alone.
 *
 * @param plan the pipeline's plan; null if it has to be made
 * @param earlyWorkers started already, by environment; the pools take them from here
 * @param endpoint where the job's harnesses find the Fn API
 * @param runnerThreads runs the runner's own stages
 * @param clock processing time in milliseconds
 */
record JobContext(
    JobSpec job,
    @Nullable FusedPipeline plan,
    EngineOptions options,
    WorkerFactory workers,
    Map<String, EarlyWorker> earlyWorkers,
    ApiServiceDescriptor endpoint,
    MemoryBudget memory,
    Executor runnerThreads,
    LongSupplier clock,
    SpillFiles spill,
    LiveWorkers liveWorkers)
    implements AutoCloseable {

  /** How many bundles of a streaming job a worker may have at once, at least. */
  private static final int STREAMING_BUNDLES = 8;

  /** How many bundles that mostly wait may run on a worker at once. */
  private static final int MOST_BUNDLES = 64;

  /** The same where each bundle has a thread of an SDK that runs one thread at a time. */
  private static final int MOST_SINGLE_CORE_BUNDLES = 16;

  String jobId() {
    return job.jobId();
  }

  /** Makes the job's graph ready to run. */
  JobGraph graph() {
    FusedPipeline fused = plan == null ? Planner.plan(job.pipeline(), endpoint) : plan;
    return new JobGraphBuilder(fused, this).build();
  }

  /** Makes the pool of an environment; the pool has not been started. */
  WorkerPool pool(
      String environmentId,
      Function<String, @Nullable ProcessBundleDescriptor> descriptors,
      JobLoop loop,
      JobListener listener,
      WorkerPool.Listener events) {
    Environment environment =
        workers.resolve(job.pipeline().getComponents().getEnvironmentsOrThrow(environmentId));
    WorkerSpec spec =
        new WorkerSpec(
            jobId(),
            environmentId,
            job.options(),
            environment.getDependenciesList(),
            job.artifacts(),
            descriptors,
            listener::log);
    Sizing sizing = sizing(environment);
    return new WorkerPool(
        environment,
        workers,
        spec,
        earlyWorkers.remove(environmentId),
        sizing.limits(),
        sizing.workers(),
        loop,
        liveWorkers,
        events);
  }

  /** Whether the job may have no end of its own. */
  private boolean unbounded() {
    return FusedPipeline.unbounded(job.pipeline().getComponents().getPcollectionsMap().values());
  }

  /** How a pool starts, and what it may become. */
  private record Sizing(PoolLimits limits, int workers) {}

  /**
   * A pool of the user's gets one worker: it decides itself how that uses the machine. Bundles of
   * unbounded sources mostly wait, so that others must be able to run beside them.
   */
  private Sizing sizing(Environment environment) {
    boolean manyBundles =
        environment
            .getCapabilitiesList()
            .contains(Urns.SdkCapabilities.MULTI_CORE_BUNDLE_PROCESSING);
    int processors = Runtime.getRuntime().availableProcessors();
    int bundles = manyBundles ? processors : 1;
    if (unbounded()) {
      bundles = Math.max(bundles, STREAMING_BUNDLES);
    }
    int most = Math.max(bundles, manyBundles ? MOST_BUNDLES : MOST_SINGLE_CORE_BUNDLES);
    if (environment.getUrn().equals(Urns.Environments.EXTERNAL)) {
      return new Sizing(new PoolLimits(1, 1, bundles, most), 1);
    }
    int usual = manyBundles ? 1 : options.workersPerEnvironment();
    ScalingOptions asked = ScalingOptions.of(job.options());
    PoolLimits limits = asked.limits(usual, bundles, most);
    return new Sizing(limits, asked.first(limits, usual));
  }

  /** Stops workers that no pool took, and removes what the job left on disk. */
  @Override
  public void close() {
    earlyWorkers.values().forEach(EarlyWorker::stop);
    spill.close();
  }
}
