package org.trestle.job;

import com.google.protobuf.Struct;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobMessage.MessageImportance;
import org.apache.beam.model.jobmanagement.v1.JobApi.JobState;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.RunnerApi.Pipeline;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.execute.Engine;
import org.trestle.engine.execute.JobExecution;
import org.trestle.engine.execute.JobListener;
import org.trestle.engine.execute.PreparedJob;
import org.trestle.engine.graph.InvalidPipelineException;

/** An engine whose jobs do what the test says. */
public final class TestingEngine implements Engine {
  /** A requirement that this engine does not know. */
  public static final String UNKNOWN = "beam:requirement:unknown:v1";

  private final BlockingQueue<Execution> started = new LinkedBlockingQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private final Map<String, Execution> byId = new ConcurrentHashMap<>();
  private volatile boolean refuseToStart;
  private volatile boolean obeyCancel = true;
  private volatile boolean closed;

  @Override
  public List<String> check(Pipeline pipeline) {
    return pipeline.getRequirementsList().stream()
        .filter(UNKNOWN::equals)
        .map(urn -> "unknown requirement '" + urn + "'")
        .toList();
  }

  @Override
  public String explain(Pipeline pipeline) {
    return "explained " + pipeline.getRootTransformIdsList();
  }

  @Override
  public PreparedJob prepare(String jobId, Pipeline pipeline, Struct options) {
    List<String> problems = check(pipeline);
    if (!problems.isEmpty()) {
      throw new InvalidPipelineException(problems);
    }
    waiting.incrementAndGet();
    return new PreparedJob() {
      private final AtomicBoolean over = new AtomicBoolean();

      @Override
      public JobExecution start(JobSpec job, JobListener listener) {
        discard();
        return TestingEngine.this.start(job, listener);
      }

      @Override
      public void discard() {
        if (!over.getAndSet(true)) {
          waiting.decrementAndGet();
        }
      }
    };
  }

  /** How many jobs were prepared and neither started nor discarded. */
  public int waiting() {
    return waiting.get();
  }

  private JobExecution start(JobSpec job, JobListener listener) {
    if (refuseToStart) {
      throw new IllegalStateException("no workers today");
    }
    Execution execution = new Execution(job, listener);
    byId.put(job.jobId(), execution);
    listener.state(JobState.Enum.STARTING);
    started.add(execution);
    return execution;
  }

  /** Makes the next starts fail. */
  public void refuseToStart(boolean refuse) {
    refuseToStart = refuse;
  }

  /** Makes cancelled jobs go on. */
  public void ignoreCancel() {
    obeyCancel = false;
  }

  /** Waits for the next job that is started. */
  public Execution next() throws InterruptedException {
    Execution execution = started.poll(20, TimeUnit.SECONDS);
    if (execution == null) {
      throw new AssertionError("no job was started");
    }
    return execution;
  }

  /** Tells whether the engine was closed. */
  public boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    closed = true;
  }

  /** A job of this engine; the test plays the engine's part. */
  public final class Execution implements JobExecution {
    private final JobSpec spec;
    private final JobListener listener;
    private final CompletableFuture<JobState.Enum> done = new CompletableFuture<>();
    private volatile List<MonitoringInfo> committed = List.of();
    private volatile boolean cancelled;
    private volatile @Nullable String drainRefusal;
    private volatile List<Integer> workers = List.of();
    private volatile @Nullable RuntimeException scaleRefusal;

    Execution(JobSpec spec, JobListener listener) {
      this.spec = spec;
      this.listener = listener;
    }

    /** What the engine was given. */
    public JobSpec spec() {
      return spec;
    }

    /** Where the engine tells what happens. */
    public JobListener listener() {
      return listener;
    }

    /** Whether the job was asked to stop. */
    public boolean isCancelled() {
      return cancelled;
    }

    /** Sets the committed metrics. */
    public void commit(MonitoringInfo... infos) {
      committed = List.of(infos);
    }

    /** Ends the job well. */
    public void finish() {
      end(JobState.Enum.DONE);
    }

    /** Ends the job with an error text. */
    public void fail(String text) {
      listener.message(MessageImportance.JOB_MESSAGE_ERROR, text);
      end(JobState.Enum.FAILED);
    }

    /** Ends the job in a state. */
    public void end(JobState.Enum state) {
      listener.state(state);
      done.complete(state);
    }

    /** Breaks the engine's own promise. */
    public void breakDown(Throwable failure) {
      done.completeExceptionally(failure);
    }

    @Override
    public void cancel() {
      cancelled = true;
      if (obeyCancel) {
        end(JobState.Enum.CANCELLED);
      }
    }

    /** Makes the job one that cannot be drained. */
    public void refuseToDrain(String why) {
      drainRefusal = why;
    }

    @Override
    public CompletableFuture<Void> drain() {
      String why = drainRefusal;
      if (why != null) {
        return CompletableFuture.failedFuture(new IllegalStateException(why));
      }
      listener.state(JobState.Enum.DRAINING);
      end(JobState.Enum.DRAINED);
      return CompletableFuture.completedFuture(null);
    }

    /** The least and the most workers that were asked for last. */
    public List<Integer> workers() {
      return workers;
    }

    /** Makes the job one that cannot be scaled. */
    public void refuseToScale(RuntimeException why) {
      scaleRefusal = why;
    }

    @Override
    public CompletableFuture<Void> scale(int minWorkers, int maxWorkers) {
      RuntimeException why = scaleRefusal;
      if (why != null) {
        return CompletableFuture.failedFuture(why);
      }
      workers = List.of(minWorkers, maxWorkers);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public List<MonitoringInfo> attemptedMetrics() {
      return committed;
    }

    @Override
    public List<MonitoringInfo> committedMetrics() {
      return committed;
    }

    @Override
    public List<StageStatus> stages() {
      return List.of(
          new StageStatus(
              "stage-1",
              List.of("Read", "Split"),
              "env",
              10,
              512,
              20,
              2048,
              2,
              1,
              750,
              new Profile(300, 50, 150, 20),
              true),
          new StageStatus(
              "stage-2", List.of("Write"), "env", 20, 2048, 0, 0, 1, 0, 250, Profile.NONE, true));
    }

    @Override
    public String explain() {
      return "stage-1 then stage-2: barrier at the GroupByKey";
    }

    @Override
    public CompletableFuture<JobState.Enum> done() {
      return done;
    }
  }
}
