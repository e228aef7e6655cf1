package org.trestle.fn.status;

/** The runner's side of one harness, as its status stream sees it. Called from gRPC threads. */
public interface StatusPeer {

  /** Takes the status stream, in place of one that there was before. */
  void statusOpened(StatusStream stream);
}
