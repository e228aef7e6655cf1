package org.trestle.engine.core.bundle;

/** A bundle's change to the timers of its stage. Later updates of a timer win. */
public sealed interface TimerUpdate {
  TimerKey timer();

  int keyGroup();

  /**
   * Sets the timer, replacing what was set before.
   *
   * @param fireAt when to fire, in milliseconds of the domain's clock
   * @param hold output timestamp: the stage's output watermark stays at or below it until the timer
   *     has fired or is cleared
   */
  record Set(TimerKey timer, int keyGroup, TimeDomain domain, long fireAt, long hold)
      implements TimerUpdate {}

  /** Removes the timer, if there is one. */
  record Clear(TimerKey timer, int keyGroup) implements TimerUpdate {}

  /** Removes all timers of the key and window that this timer has, whatever their names. */
  record ClearWindow(TimerKey timer, int keyGroup) implements TimerUpdate {}
}
