package org.trestle.engine.execute;

/**
 * Makes bundles of unbounded sources give back what they have not done yet, from time to time: else
 * what they have put out would not be seen before they end by themselves, which may be never. Owned
 * by the job's loop.
 */
final class Checkpoints {
  private final JobLoop loop;
  private final long intervalMillis;
  private final SplitRequests splits;

  Checkpoints(JobLoop loop, long intervalMillis, SplitRequests splits) {
    this.loop = loop;
    this.intervalMillis = intervalMillis;
    this.splits = splits;
  }

  /** Takes a bundle that has started; it is asked again and again until it has ended. */
  void started(RunningWork entry) {
    loop.schedule(
        () -> {
          if (!entry.outcome.isDone() && !entry.givenUp) {
            request(entry);
            started(entry);
          }
        },
        intervalMillis);
  }

  /** Asks a bundle to keep no more than it has done. */
  void request(RunningWork entry) {
    splits.ask(entry, 0);
  }
}
