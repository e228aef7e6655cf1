package org.trestle.engine.core.timer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.port.ByteKey;

/** The timers of one key group. */
final class GroupTimers {
  private final Map<TimerKey, FiredTimer> timers = new HashMap<>();
  private final Order eventTime = new Order();
  private final Order processingTime = new Order();

  @Nullable FiredTimer remove(TimerKey key) {
    FiredTimer old = timers.remove(key);
    if (old != null) {
      order(old.domain()).remove(old);
    }
    return old;
  }

  void add(FiredTimer timer) {
    timers.put(timer.timer(), timer);
    order(timer.domain()).add(timer);
  }

  long nextTime(TimeDomain domain) {
    return order(domain).nextTime();
  }

  void take(TimeDomain domain, long time, long max, List<FiredTimer> into) {
    order(domain).take(time, max, timers, into);
  }

  boolean isEmpty() {
    return timers.isEmpty();
  }

  private Order order(TimeDomain domain) {
    return switch (domain) {
      case EVENT_TIME -> eventTime;
      case PROCESSING_TIME -> processingTime;
    };
  }

  /**
   * Timers of one clock in two orders: all of them by key, then time; and the first of each key by
   * time, so that the keys that are due come without looking at those that are not.
   */
  private static final class Order {
    private static final Comparator<FiredTimer> BY_KEY =
        Comparator.<FiredTimer, ByteKey>comparing(timer -> timer.timer().key())
            .thenComparingLong(FiredTimer::fireAt)
            .thenComparing(timer -> timer.timer().family())
            .thenComparing(timer -> timer.timer().window())
            .thenComparing(timer -> timer.timer().tag());
    private static final Comparator<FiredTimer> BY_TIME =
        Comparator.comparingLong(FiredTimer::fireAt).thenComparing(timer -> timer.timer().key());

    private final TreeSet<FiredTimer> byKey = new TreeSet<>(BY_KEY);
    private final TreeSet<FiredTimer> firsts = new TreeSet<>(BY_TIME);

    private @Nullable FiredTimer firstOf(ByteKey key) {
      TimerKey lowest = new TimerKey("", key, ByteKey.empty(), "");
      FiredTimer first =
          byKey.ceiling(new FiredTimer(lowest, 0, TimeDomain.EVENT_TIME, Long.MIN_VALUE, 0));
      return first != null && first.timer().key().equals(key) ? first : null;
    }

    void add(FiredTimer timer) {
      FiredTimer first = firstOf(timer.timer().key());
      byKey.add(timer);
      if (first == null) {
        firsts.add(timer);
      } else if (BY_KEY.compare(timer, first) < 0) {
        firsts.remove(first);
        firsts.add(timer);
      }
    }

    void remove(FiredTimer timer) {
      byKey.remove(timer);
      // Compares time and key only: a later timer of the key with the same time stays behind it.
      FiredTimer listed = firsts.ceiling(timer);
      if (listed != null && BY_KEY.compare(listed, timer) == 0) {
        firsts.remove(listed);
        FiredTimer next = firstOf(timer.timer().key());
        if (next != null) {
          firsts.add(next);
        }
      }
    }

    long nextTime() {
      return firsts.isEmpty() ? Long.MAX_VALUE : firsts.first().fireAt();
    }

    void take(long time, long max, Map<TimerKey, FiredTimer> timers, List<FiredTimer> into) {
      List<FiredTimer> due = new ArrayList<>();
      for (FiredTimer first : firsts) {
        if (first.fireAt() > time || due.size() >= max) {
          break;
        }
        due.add(first);
      }
      long taken = 0;
      for (FiredTimer first : due) {
        if (taken >= max) {
          return;
        }
        FiredTimer next = first;
        while (next != null && next.fireAt() == first.fireAt()) {
          remove(next);
          timers.remove(next.timer());
          into.add(next);
          taken++;
          next = firstOf(first.timer().key());
        }
      }
    }
  }
}
