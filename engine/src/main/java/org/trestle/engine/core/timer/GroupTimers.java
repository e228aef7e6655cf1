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
  private static final Comparator<FiredTimer> OF_ONE_KEY =
      Comparator.comparingLong(FiredTimer::fireAt)
          .thenComparing(timer -> timer.timer().family())
          .thenComparing(timer -> timer.timer().window())
          .thenComparing(timer -> timer.timer().tag());

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

  /** Removes the timers of a key in a window, and returns them. */
  List<FiredTimer> removeAll(ByteKey key, ByteKey window) {
    List<FiredTimer> found = new ArrayList<>();
    eventTime.collect(key, window, found);
    processingTime.collect(key, window, found);
    found.forEach(timer -> remove(timer.timer()));
    return found;
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

  /** The timers of one key: mostly one. */
  private static final class KeyTimers {
    private FiredTimer first;
    private @Nullable TreeSet<FiredTimer> rest;

    KeyTimers(FiredTimer first) {
      this.first = first;
    }

    void addToRest(FiredTimer timer) {
      if (rest == null) {
        rest = new TreeSet<>(OF_ONE_KEY);
      }
      rest.add(timer);
    }

    /** Takes the first away and puts the next in its place; false if there is none. */
    boolean advance() {
      FiredTimer next = rest == null ? null : rest.pollFirst();
      if (next == null) {
        return false;
      }
      first = next;
      return true;
    }
  }

  /**
   * Timers of one clock: those of each key in order, and the first of each key by time, so that the
   * keys that are due come without looking at those that are not.
   */
  private static final class Order {
    private static final Comparator<FiredTimer> BY_TIME =
        Comparator.comparingLong(FiredTimer::fireAt).thenComparing(timer -> timer.timer().key());

    private final Map<ByteKey, KeyTimers> keys = new HashMap<>();
    private final TreeSet<FiredTimer> firsts = new TreeSet<>(BY_TIME);

    void add(FiredTimer timer) {
      KeyTimers key = keys.get(timer.timer().key());
      if (key == null) {
        keys.put(timer.timer().key(), new KeyTimers(timer));
        firsts.add(timer);
      } else if (OF_ONE_KEY.compare(timer, key.first) < 0) {
        firsts.remove(key.first);
        key.addToRest(key.first);
        key.first = timer;
        firsts.add(timer);
      } else {
        key.addToRest(timer);
      }
    }

    void remove(FiredTimer timer) {
      KeyTimers key = keys.get(timer.timer().key());
      if (key == null) {
        return;
      }
      if (OF_ONE_KEY.compare(key.first, timer) != 0) {
        if (key.rest != null) {
          key.rest.remove(timer);
        }
        return;
      }
      firsts.remove(timer);
      if (key.advance()) {
        firsts.add(key.first);
      } else {
        keys.remove(timer.timer().key());
      }
    }

    void collect(ByteKey key, ByteKey window, List<FiredTimer> into) {
      KeyTimers ofKey = keys.get(key);
      if (ofKey == null) {
        return;
      }
      if (ofKey.first.timer().window().equals(window)) {
        into.add(ofKey.first);
      }
      if (ofKey.rest != null) {
        for (FiredTimer timer : ofKey.rest) {
          if (timer.timer().window().equals(window)) {
            into.add(timer);
          }
        }
      }
    }

    long nextTime() {
      return firsts.isEmpty() ? Long.MAX_VALUE : firsts.first().fireAt();
    }

    void take(long time, long max, Map<TimerKey, FiredTimer> timers, List<FiredTimer> into) {
      List<FiredTimer> next = new ArrayList<>();
      long before = into.size();
      while (nextTime() <= time && !firsts.isEmpty() && into.size() - before < max) {
        FiredTimer first = firsts.pollFirst();
        KeyTimers key = first == null ? null : keys.get(first.timer().key());
        if (first == null || key == null) {
          break;
        }
        boolean more;
        do {
          into.add(key.first);
          timers.remove(key.first.timer());
          more = key.advance();
        } while (more && key.first.fireAt() == first.fireAt());
        if (more) {
          next.add(key.first);
        } else {
          keys.remove(first.timer().key());
        }
      }
      firsts.addAll(next);
    }
  }
}
