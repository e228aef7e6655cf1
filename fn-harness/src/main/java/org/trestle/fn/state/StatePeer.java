package org.trestle.fn.state;

import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateResponse;

/** The runner's side of one harness, as its state streams see it. Called from gRPC threads. */
public interface StatePeer {

  /** Answers a request, later or at once, exactly once and from any thread. */
  void state(StateRequest request, Consumer<StateResponse> reply);
}
