package org.trestle.engine.core.port;

/** Beam's bounds of event time, in milliseconds since the epoch ({@code beam_runner_api.proto}). */
public final class EventTime {
  /** Before all elements. */
  public static final long MIN = -9223372036854775L;

  /** After all elements: a watermark here means that nothing will come any more. */
  public static final long MAX = 9223372036854775L;

  /** The last moment of the global window: a day before {@link #MAX}. */
  public static final long GLOBAL_WINDOW_MAX = MAX - 24L * 60 * 60 * 1000;

  private EventTime() {}
}
