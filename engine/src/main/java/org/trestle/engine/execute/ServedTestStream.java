package org.trestle.engine.execute;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.trestle.engine.core.bundle.TestStreamEvent;
import org.trestle.engine.fuse.TestStream;
import org.trestle.fn.teststream.TestStreamClient;

/** A TestStream whose events a {@code TestStreamService} gives out. */
final class ServedTestStream implements TestStreamSource {
  private final TestStreamClient client;
  private final TestStreamEvents events;

  ServedTestStream(TestStream stream, TestStreamEvents events) {
    this.client =
        new TestStreamClient(stream.payload().getEndpoint().getUrl(), stream.outputs().keySet());
    this.events = events;
  }

  /** What events will come is not known. */
  @Override
  public boolean movesClock() {
    return true;
  }

  @Override
  public CompletableFuture<Optional<TestStreamEvent>> next() {
    return client.next().thenApply(event -> event.map(events::of));
  }

  @Override
  public void close() {
    client.close();
  }
}
