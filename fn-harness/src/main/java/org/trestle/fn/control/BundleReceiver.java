package org.trestle.fn.control;

import com.google.protobuf.ByteString;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;

/**
 * Takes what a running bundle sends. Calls for one bundle never overlap for data and timers; state
 * requests may come at the same time from another thread, one at a time; {@link #answersSoon} is
 * asked at any time.
 *
 * <p>An exception thrown from a data or timer call fails the bundle; one thrown from {@link #state}
 * is answered to the harness as an error of that request.
 */
public interface BundleReceiver {

  /** Encoded windowed values written by the bundle to a data sink transform. */
  void elements(String transformId, ByteString data);

  /** Encoded timers set or cleared by the bundle. */
  void timers(BundleRequest.TimerEndpoint endpoint, ByteString data);

  /**
   * Whether the answer to a state request takes no longer than that of a page at hand: then the
   * thread that it came on answers it, which others wait for. Does not throw, and does not wait.
   */
  default boolean answersSoon(StateRequest request) {
    return false;
  }

  /** Answers a state request. The id and instruction id of the response are set by the caller. */
  StateResponse.Builder state(StateRequest request);
}
