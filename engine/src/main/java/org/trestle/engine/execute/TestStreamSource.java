package org.trestle.engine.execute;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.trestle.engine.core.bundle.TestStreamEvent;

/** Where the events of a TestStream come from. Used by the job's loop; no method blocks. */
interface TestStreamSource extends AutoCloseable {

  /** Whether processing time is what the events say. */
  boolean movesClock();

  /**
   * Asks for the next event; the one before has been answered.
   *
   * @return completes with nothing when there are no more events; exceptionally if the source fails
   */
  CompletableFuture<Optional<TestStreamEvent>> next();

  @Override
  void close();
}
