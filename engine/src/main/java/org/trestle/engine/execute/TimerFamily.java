package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.function.Consumer;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.TimerCursor;
import org.trestle.fn.wire.TimerWriter;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WireCoder;

/**
 * A timer family as the wire and the core see it. Safe for use by several threads.
 *
 * @param name stage-unique name of the family
 */
record TimerFamily(
    String name, TimeDomain domain, WireCoder key, WindowCoder window, int keyGroups) {

  /** Sorts after the letters of all names. */
  private static final String LAST = "\uffff";

  /**
   * The stage-unique name of a family. Timers of one key and time fire in the order of their names,
   * and those that tell of the end of a window after the others.
   */
  static String nameOf(org.trestle.engine.fuse.TimerFamily family) {
    String order = family.onWindowExpiration() ? LAST : "";
    return family.transform() + "/" + order + family.familyId();
  }

  /** Reads what a harness set and cleared. A timer in several windows counts in each. */
  void decode(ByteString data, Consumer<TimerUpdate> into) {
    TimerCursor cursor = new TimerCursor(key, window).reset(data.toByteArray());
    byte[] bytes = cursor.buffer();
    while (cursor.next()) {
      ByteKey timerKey = ByteKey.copyOf(bytes, cursor.keyStart(), cursor.keyEnd());
      int keyGroup = KeyGroups.of(bytes, cursor.keyStart(), cursor.keyEnd(), keyGroups);
      String tag = cursor.tag();
      for (int i = 0; i < cursor.windowCount(); i++) {
        ByteKey timerWindow = ByteKey.copyOf(bytes, cursor.windowStart(i), cursor.windowEnd(i));
        TimerKey timer = new TimerKey(name, timerKey, timerWindow, tag);
        into.accept(
            cursor.isClear()
                ? new TimerUpdate.Clear(timer, keyGroup)
                : new TimerUpdate.Set(
                    timer, keyGroup, domain, cursor.fireTimestamp(), cursor.holdTimestamp()));
      }
    }
  }

  /** Writes a timer whose time has come, for the harness. */
  ByteString encode(FiredTimer fired) {
    ByteSink sink = new ByteSink();
    TimerKey timer = fired.timer();
    new TimerWriter(sink)
        .set(
            timer.key().bytes(),
            timer.tag(),
            timer.window().bytes(),
            fired.fireAt(),
            fired.hold(),
            Panes.NO_FIRING);
    return sink.toByteString();
  }
}
