package org.trestle.engine.execute;

import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.RunningBundle;

/**
 * Makes bundles of unbounded sources give back what they have not done yet, from time to time: else
 * what they have put out would not be seen before they end by themselves, which may be never. Owned
 * by the job's loop.
 */
final class Checkpoints {
  private static final Logger log = LoggerFactory.getLogger(Checkpoints.class);

  /** Applies the answer to a split. */
  interface Listener {
    void split(RunningWork entry, ProcessBundleSplitResponse response);
  }

  private final JobLoop loop;
  private final long intervalMillis;
  private final Listener listener;

  Checkpoints(JobLoop loop, long intervalMillis, Listener listener) {
    this.loop = loop;
    this.intervalMillis = intervalMillis;
    this.listener = listener;
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
    RunningBundle handle = entry.handle;
    SdkBundle bundle = entry.bundle;
    if (handle == null || bundle == null || entry.splitting) {
      return;
    }
    entry.splitting = true;
    var unused =
        handle
            .split(bundle.inputTransformId(), 0, bundle.elementsLeft(), List.of())
            .whenComplete(
                (response, failure) -> loop.execute(() -> answered(entry, response, failure)));
  }

  private void answered(
      RunningWork entry,
      @Nullable ProcessBundleSplitResponse response,
      @Nullable Throwable failure) {
    entry.splitting = false;
    if (failure != null) {
      // A bundle that has just ended is not known any more; one that cannot split goes on.
      log.debug("{} was not split: {}", entry.work.id(), Failures.describe(failure));
    } else if (response != null && !entry.givenUp) {
      listener.split(entry, response);
    }
    Runnable waiting = entry.afterSplit;
    entry.afterSplit = null;
    if (waiting != null) {
      waiting.run();
    }
  }

  /** Runs a task once the bundle's split is answered, at once if none was asked for. */
  static void afterSplit(RunningWork entry, Runnable task) {
    if (entry.splitting) {
      entry.afterSplit = task;
    } else {
      task.run();
    }
  }
}
