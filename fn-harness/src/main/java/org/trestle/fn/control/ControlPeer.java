package org.trestle.fn.control;

import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.jspecify.annotations.Nullable;

/** The runner's side of one harness, as its control stream sees it. Called from gRPC threads. */
public interface ControlPeer {

  /** Takes the control stream; false if this harness already has or had one. */
  boolean controlOpened(ControlStream stream);

  /** Takes a response. */
  void responded(InstructionResponse response);

  /** The control stream has ended; {@code how} is a clause for people. */
  void controlClosed(String how);

  /** Finds a process bundle descriptor, or null. */
  @Nullable ProcessBundleDescriptor descriptor(String id);
}
