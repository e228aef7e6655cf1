package org.trestle.fn.server;

import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import org.apache.beam.model.pipeline.v1.RunnerApi.Environment;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerSpec;
import org.trestle.fn.environment.WorkerFactory;

/** Starts {@link TestingHarness}es in place of any environment. */
public final class TestingWorkers implements WorkerFactory {
  private final FnServer server;
  private final Supplier<TestingHarness.Script> scripts;
  private final Queue<TestingHarness> harnesses = new ConcurrentLinkedQueue<>();

  /**
   * @param scripts asked once for each harness that is started
   */
  public TestingWorkers(FnServer server, Supplier<TestingHarness.Script> scripts) {
    this.server = server;
    this.scripts = scripts;
  }

  /** Returns the harnesses started so far, oldest first. */
  public Queue<TestingHarness> harnesses() {
    return harnesses;
  }

  @Override
  public Environment resolve(Environment environment) {
    return environment;
  }

  @Override
  public CompletableFuture<StartedWorker> start(Environment environment, WorkerSpec spec) {
    ExpectedWorker expected = server.expect(spec);
    TestingHarness harness =
        TestingHarness.connect(server.endpoint().getUrl(), expected.workerId(), scripts.get());
    harnesses.add(harness);
    return expected
        .connected()
        .thenApply(
            worker ->
                new StartedWorker() {
                  @Override
                  public SdkWorker worker() {
                    return worker;
                  }

                  @Override
                  public void stop() {
                    expected.cancel();
                  }
                });
  }

  @Override
  public void close() {
    harnesses.forEach(TestingHarness::close);
  }
}
