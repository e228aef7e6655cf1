package org.trestle.engine.execute;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * The keys and windows of a bundle's elements: drops what is late, and notes the timers that the
 * runner sets for the others. Elements come on one thread, questions on any.
 */
final class BundleWindows {
  private record KeyAndWindow(ByteKey key, ByteKey window) {}

  private final WindowExpiry expiry;
  private final long inputWatermark;
  private final WindowedValueCursor cursor;
  private final Set<KeyAndWindow> seen = new HashSet<>();

  @GuardedBy("this")
  private final List<TimerUpdate> timers = new ArrayList<>();

  @GuardedBy("this")
  private long dropped;

  BundleWindows(WindowExpiry expiry, long inputWatermark) {
    this.expiry = expiry;
    this.inputWatermark = inputWatermark;
    this.cursor = expiry.format().cursor();
  }

  /**
   * Looks at whole elements, and returns those that are not late. An element that is late in some
   * of its windows stays in the others.
   */
  synchronized ByteString admit(ByteString elements) {
    byte[] bytes = elements.toByteArray();
    ByteSink kept = null;
    cursor.reset(bytes);
    while (cursor.next()) {
      int late = lateWindows();
      dropped += late;
      if (late > 0 && kept == null) {
        kept = new ByteSink(bytes.length);
        kept.put(bytes, 0, cursor.elementStart());
      }
      if (late == 0) {
        note(bytes);
      }
      if (kept == null) {
        continue;
      }
      if (late == 0) {
        kept.put(bytes, cursor.elementStart(), cursor.elementEnd());
      } else if (late < cursor.windowCount()) {
        keepOpenWindows(bytes, cursor.windowCount() - late, kept);
      }
    }
    return kept == null ? elements : kept.toByteString();
  }

  private int lateWindows() {
    int late = 0;
    for (int i = 0; i < cursor.windowCount(); i++) {
      if (expiry.isLate(cursor.windowMaxTimestamp(i), inputWatermark)) {
        late++;
      }
    }
    return late;
  }

  @GuardedBy("this")
  private void keepOpenWindows(byte[] bytes, int open, ByteSink kept) {
    ByteKey key = ByteKey.copyOf(bytes, cursor.keyStart(), cursor.keyEnd());
    Timestamps.encode(kept, cursor.timestamp());
    kept.putInt(open);
    for (int i = 0; i < cursor.windowCount(); i++) {
      if (!expiry.isLate(cursor.windowMaxTimestamp(i), inputWatermark)) {
        kept.put(bytes, cursor.windowStart(i), cursor.windowEnd(i));
        note(key, i, bytes);
      }
    }
    kept.put(bytes, cursor.paneStart(), cursor.elementEnd());
  }

  @GuardedBy("this")
  private void note(byte[] bytes) {
    ByteKey key = ByteKey.copyOf(bytes, cursor.keyStart(), cursor.keyEnd());
    for (int i = 0; i < cursor.windowCount(); i++) {
      note(key, i, bytes);
    }
  }

  @GuardedBy("this")
  private void note(ByteKey key, int windowIndex, byte[] bytes) {
    ByteKey window =
        ByteKey.copyOf(bytes, cursor.windowStart(windowIndex), cursor.windowEnd(windowIndex));
    if (seen.add(new KeyAndWindow(key, window))) {
      int keyGroup = KeyGroups.of(key.bytes(), 0, key.length(), expiry.keyGroups());
      expiry.setTimers(key, keyGroup, window, timers);
    }
  }

  /** The timers that the runner sets. */
  synchronized List<TimerUpdate> timers() {
    return List.copyOf(timers);
  }

  /** How many elements were dropped, each counted once in each of its windows that expired. */
  synchronized long dropped() {
    return dropped;
  }
}
