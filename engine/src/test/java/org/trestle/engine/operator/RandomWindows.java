package org.trestle.engine.operator;

import java.util.List;
import java.util.Random;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.operator.ReferenceGrouping.Interval;

/** How elements get their windows. */
public enum RandomWindows {
  GLOBAL {
    @Override
    public List<Interval> assign(long time, Random random) {
      return List.of(new Interval(EventTime.MIN, EventTime.GLOBAL_WINDOW_MAX + 1));
    }
  },
  FIXED {
    @Override
    public List<Interval> assign(long time, Random random) {
      long start = Math.floorDiv(time, 10) * 10;
      return List.of(new Interval(start, start + 10));
    }
  },
  SLIDING {
    @Override
    public List<Interval> assign(long time, Random random) {
      long last = Math.floorDiv(time, 5) * 5;
      return List.of(new Interval(last, last + 10), new Interval(last - 5, last + 5));
    }
  },
  SESSIONS {
    @Override
    public List<Interval> assign(long time, Random random) {
      Interval session = new Interval(time, time + 10);
      return random.nextInt(8) > 0
          ? List.of(session)
          : List.of(session, new Interval(time - 5, time + 5));
    }
  };

  /** The windows of an element of this time. */
  public abstract List<Interval> assign(long time, Random random);
}
