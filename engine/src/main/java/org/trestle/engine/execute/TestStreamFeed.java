package org.trestle.engine.execute;

import java.util.Optional;
import java.util.function.Consumer;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.core.schedule.JobCore;

/** Takes the events of TestStreams to the core, one for each question. Owned by the job's loop. */
final class TestStreamFeed {
  private final JobLoop loop;
  private final JobGraph graph;
  private final JobCore core;
  private final Runnable pump;
  private final Consumer<Throwable> failed;

  /**
   * @param pump carries out what the core asks for after an event
   * @param failed told when a source fails
   */
  TestStreamFeed(
      JobLoop loop, JobGraph graph, JobCore core, Runnable pump, Consumer<Throwable> failed) {
    this.loop = loop;
    this.graph = graph;
    this.core = core;
    this.pump = pump;
    this.failed = failed;
  }

  /** Asks a TestStream for its next event. */
  void ask(String id) {
    var unused =
        graph
            .testStream(id)
            .next()
            .whenComplete(
                (event, failure) ->
                    loop.execute(
                        () -> {
                          if (failure == null) {
                            answer(id, event);
                          } else {
                            failed.accept(failure);
                          }
                        }));
  }

  private void answer(String id, Optional<TestStreamEvent> event) {
    if (core.isEnded()) {
      return;
    }
    if (event.isEmpty()) {
      core.testStreamEnded(id);
    } else {
      if (event.get() instanceof TestStreamEvent.Elements elements) {
        graph.append(elements.output());
      }
      core.testStreamEvent(id, event.get());
    }
    pump.run();
  }
}
