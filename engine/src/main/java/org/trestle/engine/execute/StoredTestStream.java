package org.trestle.engine.execute;

import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.beam.model.pipeline.v1.RunnerApi.TestStreamPayload;
import org.trestle.engine.core.bundle.TestStreamEvent;

/** A TestStream whose events are part of the pipeline. */
final class StoredTestStream implements TestStreamSource {
  private final boolean movesClock;
  private final Iterator<TestStreamPayload.Event> remaining;
  private final TestStreamEvents events;

  StoredTestStream(List<TestStreamPayload.Event> stored, TestStreamEvents events) {
    this.movesClock = stored.stream().anyMatch(TestStreamPayload.Event::hasProcessingTimeEvent);
    this.remaining = stored.iterator();
    this.events = events;
  }

  @Override
  public boolean movesClock() {
    return movesClock;
  }

  @Override
  public CompletableFuture<Optional<TestStreamEvent>> next() {
    try {
      return CompletableFuture.completedFuture(
          remaining.hasNext() ? Optional.of(events.of(remaining.next())) : Optional.empty());
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public void close() {}
}
