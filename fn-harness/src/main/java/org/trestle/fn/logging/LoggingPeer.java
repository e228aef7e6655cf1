package org.trestle.fn.logging;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.LogEntry;

/** The runner's side of one harness, as its logging stream sees it. Called from gRPC threads. */
public interface LoggingPeer {

  /** The harness has opened a stream for its log. */
  void logOpened();

  /** Takes an entry. */
  void logged(LogEntry entry);
}
