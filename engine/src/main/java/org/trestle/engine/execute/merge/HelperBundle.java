package org.trestle.engine.execute.merge;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.trestle.fn.control.BundleReceiver;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.control.RunningBundle;
import org.trestle.fn.control.SdkWorker;
import org.trestle.fn.control.WorkerLostException;
import org.trestle.fn.wire.WireFormatException;

/**
 * Bundles that ask an SDK about windows. When a worker is lost, another one is asked, {@value
 * #ATTEMPTS} in all; user code that raises is not retried here.
 *
 * @param workers gives a worker of the SDK; may block, and fail with an unchecked exception
 * @param deadline of one bundle
 * @param who whose function it is, for people
 * @param what it is to do, as in "failed to ..."
 */
record HelperBundle(Supplier<SdkWorker> workers, Duration deadline, String who, String what) {
  static final int ATTEMPTS = 4;

  /** What one bundle takes in and gives out. One for each attempt. */
  interface Exchange<T> extends BundleReceiver {

    /** The input from its beginning. */
    Iterator<BundleRequest.Input> input();

    /** The answer, after the end of the bundle. */
    T answer();
  }

  /**
   * Runs a bundle, and others if its worker is lost.
   *
   * @throws WindowMergeException if the function fails or gives a wrong answer, too many workers
   *     are lost, the deadline passes, or the thread is interrupted
   */
  <T> T ask(WindowProgram program, Supplier<Exchange<T>> exchanges) {
    for (int attempt = 1; ; attempt++) {
      try {
        Exchange<T> exchange = exchanges.get();
        BundleRequest request =
            new BundleRequest(
                program.descriptor().getId(),
                exchange.input(),
                List.of(WindowProgram.SOURCE),
                List.of(),
                Set.of(WindowProgram.SINK),
                List.of(),
                false);
        return ask(workers.get().process(request, exchange), exchange);
      } catch (WorkerLostException e) {
        if (attempt == ATTEMPTS) {
          throw new WindowMergeException(
              who + ": lost " + ATTEMPTS + " workers on the way to " + what, e);
        }
      }
    }
  }

  private <T> T ask(RunningBundle bundle, Exchange<T> exchange) throws WorkerLostException {
    try {
      var unused = bundle.done().get(deadline.toMillis(), TimeUnit.MILLISECONDS);
      return exchange.answer();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof WorkerLostException lost) {
        throw lost;
      }
      String reason = e.getCause() == null ? e.toString() : e.getCause().getMessage();
      throw new WindowMergeException(who + " failed to " + what + ": " + reason, e);
    } catch (WireFormatException e) {
      throw new WindowMergeException(who + ": wrong answer: " + e.getMessage(), e);
    } catch (TimeoutException e) {
      bundle.abandon("it took longer than " + deadline.toSeconds() + " s to " + what);
      throw new WindowMergeException(
          who + " did not " + what + " within " + deadline.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      bundle.abandon("the thread that asked was interrupted");
      Thread.currentThread().interrupt();
      throw new WindowMergeException(who + ": interrupted on the way to " + what, e);
    }
  }
}
