package org.trestle.engine.execute;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.trestle.engine.core.bundle.BundleResult;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.shuffle.SortTable;
import org.trestle.fn.wire.WindowedValueCursor;

/**
 * Holds elements back until those before them cannot come any more: when the watermark is past
 * their timestamp by more than the allowed lateness. An element that comes later than that is
 * dropped, so that the order is kept without exception.
 *
 * <p>A timer for each key group waits for its first element, and holds the output watermark at it.
 * The blocks of a key group are read in the order in which they are written here, and elements that
 * wait at the reader hold its watermark: its timers come after the elements before them.
 */
final class SortingStage implements RunnerStage {
  private static final TimerKey TIMER = new TimerKey("", ByteKey.empty(), ByteKey.empty(), "");

  private final SortTable table;
  private final EdgeFormat format;
  private final long allowedLateness;
  private final StageOutput output;
  private final String consumer;

  /**
   * A stage without elements.
   *
   * @param consumer the transform that gets the elements, for its metrics
   */
  SortingStage(
      SortTable table,
      EdgeFormat format,
      long allowedLateness,
      StageOutput output,
      String consumer) {
    this.table = table;
    this.format = format;
    this.allowedLateness = allowedLateness;
    this.output = output;
    this.consumer = consumer;
  }

  @Override
  public Output run(BundleWork work, BooleanSupplier givenUp) {
    long dropped = 0;
    for (ElementBlock block : work.elements()) {
      check(givenUp);
      dropped += add((EncodedBlock) block, work.inputWatermark());
    }
    EdgeWriter writer = output.newWriter();
    try {
      List<TimerUpdate> timers = new ArrayList<>();
      long due = lastDue(work.inputWatermark());
      for (int keyGroup : work.keyGroups()) {
        check(givenUp);
        table.drain(keyGroup, due, writer);
        timers.add(timer(keyGroup));
      }
      List<MonitoringInfo> metrics =
          dropped == 0 ? List.of() : List.of(DroppedElements.ofState(consumer, dropped));
      return new Output(
          new BundleResult(work.id(), List.of(writer.finish()), timers, List.of()), metrics);
    } catch (RuntimeException failure) {
      writer.discard();
      throw failure;
    }
  }

  private static void check(BooleanSupplier givenUp) {
    if (givenUp.getAsBoolean()) {
      throw new CancellationException("the job gave the bundle up");
    }
  }

  private long add(EncodedBlock block, long inputWatermark) {
    long dropped = 0;
    byte[] bytes = block.data().toByteArray();
    WindowedValueCursor cursor = format.cursor().reset(bytes);
    while (cursor.next()) {
      if (release(cursor.timestamp()) < inputWatermark) {
        dropped += cursor.windowCount();
      } else {
        table.add(block.keyGroup(), cursor);
      }
    }
    return dropped;
  }

  private TimerUpdate timer(int keyGroup) {
    long earliest = table.earliest(keyGroup);
    return earliest == Long.MAX_VALUE
        ? new TimerUpdate.Clear(TIMER, keyGroup)
        : new TimerUpdate.Set(TIMER, keyGroup, TimeDomain.EVENT_TIME, release(earliest), earliest);
  }

  /** An element of this timestamp is given out when the watermark is past this time. */
  private long release(long timestamp) {
    long end = Math.max(timestamp, EventTime.GLOBAL_WINDOW_MAX);
    return timestamp > end - allowedLateness ? end : timestamp + allowedLateness;
  }

  /** The last timestamp that is to be given out. */
  private long lastDue(long watermark) {
    if (watermark >= EventTime.MAX) {
      return EventTime.MAX;
    }
    long before = watermark - 1;
    return before >= EventTime.GLOBAL_WINDOW_MAX
        ? before
        : before - Math.min(allowedLateness, EventTime.MAX);
  }

  @Override
  public void close() {
    table.close();
  }
}
