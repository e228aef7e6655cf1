package org.trestle.engine.core.bundle;

/**
 * What a TestStream does next ({@code TestStreamPayload.Event} in {@code beam_runner_api.proto}).
 */
public sealed interface TestStreamEvent {

  /** Elements come out. */
  record Elements(EdgeOutput output) implements TestStreamEvent {}

  /**
   * The watermark of an output moves.
   *
   * @param watermark in milliseconds since the epoch; an earlier one than before changes nothing
   */
  record Watermark(EdgeId edge, long watermark) implements TestStreamEvent {}

  /**
   * Processing time moves, for the whole job.
   *
   * @param millis by how much
   */
  record Clock(long millis) implements TestStreamEvent {}
}
