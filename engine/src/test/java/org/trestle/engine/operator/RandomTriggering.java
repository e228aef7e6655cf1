package org.trestle.engine.operator;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.trestle.engine.core.trigger.Trigger;
import org.trestle.engine.core.trigger.Trigger.TimestampTransform;
import org.trestle.engine.windowing.SessionMerging;
import org.trestle.engine.windowing.WindowingStrategySpec.Accumulation;
import org.trestle.engine.windowing.WindowingStrategySpec.ClosingBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OnTimeBehavior;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;

/** Triggerings made of random numbers: small times, so that all that can meet does. */
public final class RandomTriggering {
  private final Random random;

  public RandomTriggering(Random random) {
    this.random = random;
  }

  /** Some triggering. */
  public Triggering triggering(boolean sessions) {
    return new Triggering(
        trigger(3),
        random.nextBoolean() ? Accumulation.DISCARDING : Accumulation.ACCUMULATING,
        one(OutputTime.values()),
        one(ClosingBehavior.values()),
        one(OnTimeBehavior.values()),
        new long[] {0, 0, 5, 20, 100, Long.MAX_VALUE}[random.nextInt(6)],
        sessions ? new SessionMerging() : null,
        false);
  }

  /**
   * Some trigger.
   *
   * @param depth how many levels of subtriggers it may have
   */
  public Trigger trigger(int depth) {
    return switch (random.nextInt(depth == 0 ? 7 : 14)) {
      case 0 -> new Trigger.Default();
      case 1 -> new Trigger.AfterEndOfWindow(null, null);
      case 2 -> new Trigger.ElementCount(1 + random.nextInt(4));
      case 3 -> new Trigger.AfterProcessingTime(transforms());
      case 4 -> new Trigger.AfterSynchronizedProcessingTime();
      case 5 -> new Trigger.Always();
      case 6 -> new Trigger.Never();
      case 7 -> new Trigger.AfterAll(triggers(depth));
      case 8 -> new Trigger.AfterAny(triggers(depth));
      case 9 -> new Trigger.AfterEach(triggers(depth));
      case 10 -> new Trigger.OrFinally(trigger(depth - 1), trigger(depth - 1));
      case 11 ->
          new Trigger.AfterEndOfWindow(
              random.nextBoolean() ? null : trigger(depth - 1),
              random.nextBoolean() ? null : trigger(depth - 1));
      default -> new Trigger.Repeat(trigger(depth - 1));
    };
  }

  private List<Trigger> triggers(int depth) {
    List<Trigger> triggers = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      triggers.add(trigger(depth - 1));
    }
    return triggers;
  }

  private List<TimestampTransform> transforms() {
    List<TimestampTransform> transforms = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      transforms.add(
          random.nextBoolean()
              ? new TimestampTransform.Delay(random.nextInt(10))
              : new TimestampTransform.AlignTo(1 + random.nextInt(8), random.nextInt(4)));
    }
    return transforms;
  }

  private <T> T one(T[] values) {
    return values[random.nextInt(values.length)];
  }
}
