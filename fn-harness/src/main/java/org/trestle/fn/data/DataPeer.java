package org.trestle.fn.data;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;

/** The runner's side of one harness, as its data streams see it. Called from gRPC threads. */
public interface DataPeer {

  /** A data stream was opened; elements may be written to it. */
  void dataOpened(ElementsWriter stream);

  /** Takes elements; not called twice at the same time for one stream. */
  void received(ElementsWriter stream, Elements elements);

  /** A data stream has ended; {@code how} is a clause for people. */
  void dataClosed(ElementsWriter stream, String how);
}
