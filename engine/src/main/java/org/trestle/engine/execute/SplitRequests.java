package org.trestle.engine.execute;

import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleSplitResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.fn.control.RunningBundle;

/**
 * Asks running bundles to give back part of what they have not done yet, one question at a time.
 * Owned by the job's loop.
 */
final class SplitRequests {
  private static final Logger log = LoggerFactory.getLogger(SplitRequests.class);

  /** Takes the answers. */
  interface Listener {
    /**
     * The harness has answered; it may have given nothing.
     *
     * @param keep which part of the rest the bundle was to keep
     */
    void answered(RunningWork entry, double keep, ProcessBundleSplitResponse response);

    /** The bundle cannot be split now. */
    void refused(RunningWork entry);
  }

  private final JobLoop loop;
  private final Listener listener;

  SplitRequests(JobLoop loop, Listener listener) {
    this.loop = loop;
    this.listener = listener;
  }

  /**
   * Asks a bundle; refused at once if it is asked already, is none of a worker, or has given back
   * all that it could.
   *
   * @param keep which part of the rest the bundle should keep, in [0, 1)
   */
  void ask(RunningWork entry, double keep) {
    RunningBundle handle = entry.handle;
    SdkBundle bundle = entry.bundle;
    if (handle == null || bundle == null || entry.splitting || !entry.continuations.isEmpty()) {
      listener.refused(entry);
      return;
    }
    entry.splitting = true;
    var unused =
        handle
            .split(bundle.inputTransformId(), keep, bundle.elementsLeft(), List.of())
            .whenComplete(
                (response, failure) ->
                    loop.execute(() -> answered(entry, keep, response, failure)));
  }

  private void answered(
      RunningWork entry,
      double keep,
      @Nullable ProcessBundleSplitResponse response,
      @Nullable Throwable failure) {
    entry.splitting = false;
    if (failure != null) {
      // A bundle that has just ended is not known any more; one that cannot split goes on.
      log.debug("{} was not split: {}", entry.work.id(), Failures.describe(failure));
      listener.refused(entry);
    } else if (response != null && !entry.givenUp) {
      listener.answered(entry, keep, response);
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
