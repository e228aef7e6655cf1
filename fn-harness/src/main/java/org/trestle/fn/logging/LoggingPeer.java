package org.trestle.fn.logging;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;

/** The runner's side of one harness, as its logging stream sees it. Called from gRPC threads. */
public interface LoggingPeer {

  /** Takes an entry. */
  void logged(LogEntry entry);
}
