package org.trestle.engine.operator;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.FiredTimer;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.core.timer.TimerQueue;
import org.trestle.engine.core.watermark.HoldMultiset;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.PaneStore;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.IntervalWindows;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowCoder;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;

/**
 * A {@link TriggeredGrouping} with all that is around it: timers, holds, clocks, and the elements
 * that it gave out. Values are texts. For one thread.
 */
public final class TestingGrouping implements AutoCloseable {
  public static final int KEY_GROUPS = 4;

  private static final WireCoder NOTHING = (buffer, position, limit) -> position;

  /** A pane that was given out. */
  public record Pane(
      String key,
      ByteKey window,
      List<String> values,
      long timestamp,
      Panes.Pane info,
      long outputWatermark) {

    @Override
    public String toString() {
      return key + window + values + "@" + timestamp + info + " wm=" + outputWatermark;
    }
  }

  private final EdgeFormat format;
  private final MemoryBudget budget;
  private final SpillFiles files = TestingElements.files();
  private final BlockStore blocks;
  private final TriggeredGrouping grouping;
  private final HoldMultiset holds = new HoldMultiset();
  private final TimerQueue timers = new TimerQueue(KEY_GROUPS, holds);
  private final List<Pane> panes = new ArrayList<>();
  private ByteSink sink = new ByteSink();
  private long watermark = EventTime.MIN;
  private long outputWatermark = EventTime.MIN;
  private long now;
  private List<FiredTimer> lastTimers = List.of();
  private boolean givenUp;
  private long nextBundle;
  private long droppedLate;
  private long droppedClosed;

  /** A grouping of elements with these windows, with as much memory as is wanted. */
  public TestingGrouping(Triggering triggering, WindowCoder windows) {
    this(triggering, windows, true, 1L << 40);
  }

  /**
   * A grouping.
   *
   * @param keyed false for elements that all have the empty key
   * @param memory limit of the budget, in bytes
   */
  public TestingGrouping(Triggering triggering, WindowCoder windows, boolean keyed, long memory) {
    this.format =
        new EdgeFormat(windows, TestingElements.BYTES, keyed ? TestingElements.BYTES : NOTHING);
    this.budget = new MemoryBudget(memory);
    this.blocks = new BlockStore(new MemoryBudget(1L << 40), files);
    this.grouping =
        new TriggeredGrouping(
            format, triggering, "grouping", KEY_GROUPS, new PaneStore(budget, files));
  }

  /** Adds an element to the input; a bundle takes it later. */
  public TestingGrouping element(String key, String value, long timestamp, ByteKey... windows) {
    boolean keyed = format.key() == TestingElements.BYTES;
    TestingElements.write(
        sink,
        timestamp,
        List.of(windows),
        keyed ? TestingElements.prefixed(key) : new byte[0],
        TestingElements.prefixed(value));
    return this;
  }

  /** Adds an element without key that came out of a trigger. */
  public TestingGrouping firing(long index, String value, long timestamp, ByteKey... windows) {
    Panes.Pane pane = new Panes.Pane(index == 0, false, Panes.Timing.EARLY, index, -1);
    TestingElements.write(
        sink, timestamp, List.of(windows), pane, new byte[0], TestingElements.prefixed(value));
    return this;
  }

  /** The input watermark moves, but not back. Nothing runs. */
  public TestingGrouping watermark(long time) {
    watermark = Math.max(watermark, time);
    return this;
  }

  /** Processing time moves. Nothing runs. */
  public TestingGrouping processingTime(long time) {
    now = Math.max(now, time);
    return this;
  }

  /** Nobody waits for bundles any more. */
  public void giveUp() {
    givenUp = true;
  }

  public long watermark() {
    return watermark;
  }

  public long outputWatermark() {
    return outputWatermark;
  }

  public long processingTime() {
    return now;
  }

  /** Runs one bundle of all elements added since the last, and the timers that are due first. */
  public TestingGrouping bundle() {
    runBundle(Integer.MAX_VALUE);
    return this;
  }

  /** Runs bundles until there is nothing to do at this watermark and time. */
  public TestingGrouping settle() {
    int bundles = 0;
    while (!sink.isEmpty() || timersAreDue()) {
      runBundle(Integer.MAX_VALUE);
      if (++bundles > 1000) {
        throw new AssertionError("does not come to rest");
      }
    }
    return this;
  }

  /** Moves the watermark to the end of time and runs what is left. */
  public TestingGrouping finish() {
    return watermark(EventTime.MAX).settle();
  }

  public boolean timersAreDue() {
    for (int group = 0; group < KEY_GROUPS; group++) {
      if (timers.isDue(group, watermark, now)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Runs a bundle.
   *
   * @param maxTimers about how many timers of a key group it takes
   */
  public void runBundle(int maxTimers) {
    List<ElementBlock> elements = input();
    List<FiredTimer> fired = new ArrayList<>();
    for (int group = 0; group < KEY_GROUPS; group++) {
      if (timers.isDue(group, watermark, now)) {
        timers.take(group, watermark, now, maxTimers, fired);
      }
    }
    List<Integer> groups = new ArrayList<>();
    for (int group = 0; group < KEY_GROUPS; group++) {
      groups.add(group);
    }
    GroupedBundle done =
        grouping.run(
            new BundleWork(
                new BundleId(nextBundle++),
                new StageId("grouping"),
                groups,
                elements,
                fired,
                false,
                Attempts.NONE,
                watermark,
                now),
            () -> new EdgeWriter(target(false), blocks),
            () -> givenUp);
    lastTimers = fired;
    droppedLate += done.droppedDueToLateness();
    droppedClosed += done.droppedDueToClosedWindow();
    done.result()
        .outputs()
        .forEach(
            output ->
                output
                    .blocks()
                    .forEach(
                        block ->
                            panes.addAll(
                                panes((EncodedBlock) block, paneFormat(format), outputWatermark))));
    done.result().timers().forEach(timers::apply);
    fired.forEach(timer -> holds.remove(TimerQueue.heldAt(timer.hold())));
    blocks.release(elements);
    outputWatermark = Math.max(outputWatermark, Math.min(watermark, holds.min()));
  }

  private List<ElementBlock> input() {
    if (sink.isEmpty()) {
      return List.of();
    }
    EdgeWriter writer = new EdgeWriter(target(true), blocks);
    writer.append(sink.toByteString());
    sink = new ByteSink();
    List<ElementBlock> elements = new ArrayList<>();
    for (KeyGroupBlock block : writer.finish().keyed()) {
      elements.add(block.block());
    }
    return elements;
  }

  private EdgeTarget target(boolean input) {
    return input
        ? new EdgeTarget(new EdgeId("in"), format, 0, 1, KEY_GROUPS)
        : new EdgeTarget(new EdgeId("out"), paneFormat(format), 1, 0, 0);
  }

  private static int skipValues(byte[] buffer, int position, int limit) {
    int count = ByteBuffer.wrap(buffer).getInt(position);
    int at = position + Integer.BYTES;
    for (int i = 0; i < count; i++) {
      at = TestingElements.BYTES.skip(buffer, at, limit);
    }
    return at;
  }

  /** The form of the panes of a grouping of such elements. */
  public static EdgeFormat paneFormat(EdgeFormat input) {
    return new EdgeFormat(input.window(), TestingGrouping::skipValues, input.key());
  }

  /** The panes in a block of {@link #paneFormat}. */
  public static List<Pane> panes(EncodedBlock block, EdgeFormat format, long outputWatermark) {
    List<Pane> panes = new ArrayList<>();
    WindowedValueCursor cursor = format.cursor().reset(block.data().toByteArray());
    while (cursor.next()) {
      byte[] buffer = cursor.buffer();
      panes.add(
          new Pane(
              text(buffer, cursor.keyStart(), cursor.keyEnd()),
              ByteKey.copyOf(buffer, cursor.windowStart(0), cursor.windowEnd(0)),
              values(buffer, cursor.keyEnd(), cursor.valueEnd()),
              cursor.timestamp(),
              Panes.decode(buffer, cursor.paneStart(), cursor.paneEnd()),
              outputWatermark));
    }
    return panes;
  }

  /** The elements in a block of keyed elements with interval windows. */
  public static List<ReferenceGrouping.Input> inputs(EncodedBlock block, EdgeFormat format) {
    List<ReferenceGrouping.Input> inputs = new ArrayList<>();
    WindowedValueCursor cursor = format.cursor().reset(block.data().toByteArray());
    while (cursor.next()) {
      byte[] buffer = cursor.buffer();
      List<ReferenceGrouping.Interval> windows = new ArrayList<>();
      for (int i = 0; i < cursor.windowCount(); i++) {
        windows.add(
            new ReferenceGrouping.Interval(
                IntervalWindows.start(buffer, cursor.windowStart(i), cursor.windowEnd(i)),
                IntervalWindows.end(buffer, cursor.windowStart(i), cursor.windowEnd(i))));
      }
      inputs.add(
          new ReferenceGrouping.Input(
              text(buffer, cursor.keyStart(), cursor.keyEnd()),
              text(buffer, cursor.keyEnd(), cursor.valueEnd()),
              cursor.timestamp(),
              windows));
    }
    return inputs;
  }

  private static List<String> values(byte[] buffer, int from, int to) {
    List<String> values = new ArrayList<>();
    int at = from + Integer.BYTES;
    while (at < to) {
      int end = TestingElements.BYTES.skip(buffer, at, to);
      values.add(text(buffer, at, end));
      at = end;
    }
    return values;
  }

  /** The text of a key. */
  public static String keyText(ByteKey key) {
    return text(key.bytes(), 0, key.length());
  }

  private static String text(byte[] buffer, int from, int to) {
    if (from == to) {
      return "";
    }
    int skipped = to - from > 128 ? 2 : 1;
    return ByteString.copyFrom(buffer, from + skipped, to - from - skipped).toStringUtf8();
  }

  /** The panes that were given out since this was last asked. */
  public List<Pane> takePanes() {
    List<Pane> taken = List.copyOf(panes);
    panes.clear();
    return taken;
  }

  /** The only pane that was given out since this was last asked. */
  public Pane takePane() {
    List<Pane> taken = takePanes();
    if (taken.size() != 1) {
      throw new AssertionError("not one pane but " + taken);
    }
    return Objects.requireNonNull(taken.get(0));
  }

  /** The timers of the last bundle. */
  public List<FiredTimer> lastTimers() {
    return lastTimers;
  }

  public long droppedDueToLateness() {
    return droppedLate;
  }

  public long droppedDueToClosedWindow() {
    return droppedClosed;
  }

  /** The time that the output watermark is held at; {@link EventTime#MAX} if it is not. */
  public long held() {
    return holds.min();
  }

  public int timerCount() {
    return timers.size();
  }

  public long windows() {
    return grouping.windows();
  }

  /** Bytes that the grouping holds in memory. */
  public long memory() {
    return budget.reserved();
  }

  public long bytesOnDisk() {
    return files.bytesOnDisk();
  }

  public @Nullable String leftovers() {
    return windows() == 0 && timerCount() == 0 && holds.isEmpty() && memory() == 0
        ? null
        : windows()
            + " windows, "
            + timerCount()
            + " timers, "
            + holds.size()
            + " holds, "
            + memory()
            + " bytes are left";
  }

  @Override
  public void close() {
    grouping.close();
    blocks.close();
    files.close();
  }
}
