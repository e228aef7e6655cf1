package org.trestle.engine.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.shuffle.TestingElements.interval;
import static org.trestle.engine.shuffle.TestingElements.prefixed;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.Attempts;
import org.trestle.engine.core.bundle.BundleId;
import org.trestle.engine.core.bundle.BundleWork;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.bundle.StageId;
import org.trestle.engine.core.bundle.TimeDomain;
import org.trestle.engine.core.bundle.TimerKey;
import org.trestle.engine.core.bundle.TimerUpdate;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.EncodedBlock;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SortTable;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.fn.wire.ByteSink;

/** Sorting with a lateness of five, in one key group. */
class SortingStageTest {
  private static final EdgeFormat FORMAT = TestingElements.keyedIntervals();
  private static final TimerKey TIMER = new TimerKey("", ByteKey.empty(), ByteKey.empty(), "");

  private final SpillFiles files = TestingElements.files();
  private final MemoryBudget memory = new MemoryBudget(1 << 20);
  private final BlockStore store = new BlockStore(memory, files);
  private final StageOutput output =
      new StageOutput(new EdgeTarget(new EdgeId("out"), FORMAT, 0, 1, 1), store);
  private final SortingStage stage =
      new SortingStage(new SortTable(FORMAT, 1, memory, files), FORMAT, 5, output, "user");

  @AfterEach
  void holdsNothingInTheEnd() {
    stage.close();
    store.close();
    assertThat(memory.reserved()).isZero();
  }

  private static ByteString element(long time, String value) {
    ByteSink sink = new ByteSink();
    TestingElements.write(sink, time, List.of(interval(0, 100)), prefixed("k"), prefixed(value));
    return sink.toByteString();
  }

  private RunnerStage.Output run(long watermark, ByteString... elements) {
    EdgeWriter writer = output.newWriter();
    for (ByteString element : elements) {
      writer.append(element);
    }
    List<ElementBlock> blocks = new ArrayList<>();
    writer.finish().keyed().forEach(block -> blocks.add(block.block()));
    return stage.run(
        new BundleWork(
            new BundleId(1),
            new StageId("sort"),
            List.of(0),
            blocks,
            List.of(),
            false,
            Attempts.NONE,
            watermark,
            0),
        () -> false);
  }

  private static List<ByteString> written(RunnerStage.Output outcome) {
    List<ByteString> data = new ArrayList<>();
    for (KeyGroupBlock block : outcome.result().outputs().get(0).keyed()) {
      data.add(((EncodedBlock) block.block()).data());
    }
    return TestingElements.elements(FORMAT, data);
  }

  private static TimerUpdate waits(long fireAt, long hold) {
    return new TimerUpdate.Set(TIMER, 0, TimeDomain.EVENT_TIME, fireAt, hold);
  }

  @Test
  void holdsElementsBackUntilNoneCanComeBeforeThem() {
    RunnerStage.Output first = run(0, element(20, "b"), element(10, "a"), element(20, "c"));
    assertThat(written(first)).isEmpty();
    assertThat(first.result().timers()).containsExactly(waits(15, 10));

    RunnerStage.Output atTheTime = run(15);
    assertThat(written(atTheTime)).isEmpty();
    assertThat(atTheTime.result().timers()).containsExactly(waits(15, 10));

    RunnerStage.Output second = run(16, element(12, "late, not too late"));
    assertThat(written(second)).containsExactly(element(10, "a"));
    assertThat(second.result().timers()).containsExactly(waits(17, 12));

    RunnerStage.Output third = run(26);
    assertThat(written(third))
        .containsExactly(element(12, "late, not too late"), element(20, "b"), element(20, "c"));
    assertThat(third.result().timers()).containsExactly(new TimerUpdate.Clear(TIMER, 0));
    assertThat(third.metrics()).isEmpty();
  }

  @Test
  void dropsWhatComesAfterItsTime() {
    RunnerStage.Output outcome = run(16, element(10, "too late"), element(11, "just in time"));

    assertThat(outcome.metrics()).containsExactly(DroppedElements.ofState("user", 1));
    assertThat(written(run(17))).containsExactly(element(11, "just in time"));
  }

  @Test
  void givesOutEverythingAtTheEndOfTime() {
    long last = EventTime.GLOBAL_WINDOW_MAX;
    RunnerStage.Output waiting =
        run(EventTime.MIN, element(last, "last"), element(EventTime.MIN, "first"));
    assertThat(waiting.result().timers()).containsExactly(waits(EventTime.MIN + 5, EventTime.MIN));

    assertThat(written(run(EventTime.MAX)))
        .containsExactly(element(EventTime.MIN, "first"), element(last, "last"));
  }

  @Test
  void anElementAtTheEndOfTimeWaitsNoLongerThanTheLastWindow() {
    long last = EventTime.GLOBAL_WINDOW_MAX;

    assertThat(run(EventTime.MIN, element(last, "last")).result().timers())
        .containsExactly(waits(last, last));
    assertThat(written(run(last + 1))).containsExactly(element(last, "last"));
  }
}
