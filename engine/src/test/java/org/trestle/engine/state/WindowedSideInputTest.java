package org.trestle.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.EventTime;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.engine.state.SideInputStore.Version;
import org.trestle.engine.state.WindowedSideInput.Update;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.WindowedValueWriter;

class WindowedSideInputTest {
  private static final ByteKey EARLY = TestingElements.interval(0, 10);
  private static final ByteKey LATE = TestingElements.interval(10, 20);
  private static final EdgeFormat PLAIN = TestingElements.plainIntervals();
  private static final EdgeFormat KEYED = TestingElements.keyedIntervals();

  private final SpillFiles files = TestingElements.files();
  private final MemoryBudget budget = new MemoryBudget(1 << 30);
  private final BlockStore store = new BlockStore(budget, files);

  @AfterEach
  void close() {
    store.close();
    files.close();
  }

  private WindowedSideInput plain(Update update) {
    return new WindowedSideInput(PLAIN, update, store, 1 << 20);
  }

  private static EdgeWriter writer(EdgeFormat format, BlockStore store) {
    return new EdgeWriter(new EdgeTarget(new EdgeId("side"), format, 1, 0, 0, true), store);
  }

  /** Adds values of windows, all written by one bundle. */
  private void add(WindowedSideInput to, List<ByteKey> windows, String... values) {
    EdgeWriter writer = writer(PLAIN, store);
    for (String value : values) {
      ByteSink sink = new ByteSink();
      TestingElements.write(sink, 0, windows, new byte[0], TestingElements.prefixed(value));
      writer.append(sink.toByteString());
    }
    writer.finish().blocks().forEach(to::add);
  }

  /** An element that is the whole content of a window: an iterable of some parts of bytes. */
  private static ByteString pane(ByteKey window, long index, byte[]... values) {
    ByteSink sink = new ByteSink();
    Panes.Pane pane = new Panes.Pane(index == 0, false, Panes.Timing.EARLY, index, -1);
    new WindowedValueWriter(sink).header(0, window.bytes(), pane);
    sink.putInt(values.length);
    for (byte[] value : values) {
      sink.put(value);
    }
    return sink.toByteString();
  }

  private void addPanes(
      WindowedSideInput to, EdgeFormat format, BlockStore blocks, ByteString... panes) {
    EdgeWriter writer = writer(format.panes(), blocks);
    for (ByteString pane : panes) {
      writer.append(pane);
    }
    writer.finish().blocks().forEach(to::add);
  }

  private static StateKey iterable(ByteKey window) {
    return StateKey.newBuilder()
        .setIterableSideInput(
            StateKey.IterableSideInput.newBuilder().setWindow(ByteString.copyFrom(window.bytes())))
        .build();
  }

  private static List<String> read(Version version, ByteKey window) {
    return read(version, iterable(window));
  }

  private static boolean answersSoon(Version version, ByteKey window) {
    return version.answersSoon(StateRequest.newBuilder().setStateKey(iterable(window)).build());
  }

  private static List<String> read(Version version, StateKey key) {
    List<String> values = new ArrayList<>();
    ByteString token = ByteString.EMPTY;
    do {
      StateGetResponse page =
          version
              .handle(
                  StateRequest.newBuilder()
                      .setStateKey(key)
                      .setGet(StateGetRequest.newBuilder().setContinuationToken(token))
                      .build())
              .getGet();
      byte[] data = page.getData().toByteArray();
      for (int at = 0; at < data.length; ) {
        int end = TestingElements.BYTES.skip(data, at, data.length);
        values.add(ByteString.copyFrom(data, at + 1, end - at - 1).toStringUtf8());
        at = end;
      }
      token = page.getContinuationToken();
    } while (!token.isEmpty());
    return values;
  }

  @Test
  void elementsGatherInTheirWindows() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      add(side, List.of(EARLY), "a", "b");
      add(side, List.of(LATE), "c");
      add(side, List.of(EARLY, LATE), "d");
      Version version = side.open();
      assertThat(read(version, EARLY)).containsExactly("a", "b", "d");
      assertThat(read(version, LATE)).containsExactly("c", "d");
      assertThat(read(version, TestingElements.interval(20, 30))).isEmpty();
      version.close();
    }
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void aBundleSeesOneVersion() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      add(side, List.of(EARLY), "a");
      side.readable(EARLY);
      Version before = side.open();
      add(side, List.of(EARLY), "late");
      Version after = side.open();
      assertThat(read(before, EARLY)).containsExactly("a");
      assertThat(read(after, EARLY)).containsExactly("a", "late");
      assertThat(read(before, EARLY)).containsExactly("a");
      assertThat(after.number()).isNotEqualTo(before.number());
      before.close();
      after.close();
    }
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void answersSoonWhatWasReadBefore() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      add(side, List.of(EARLY), "a");
      side.readable(EARLY);
      Version before = side.open();
      assertThat(answersSoon(before, EARLY)).isFalse();
      assertThat(answersSoon(before, LATE)).isTrue();
      read(before, EARLY);
      assertThat(answersSoon(before, EARLY)).isTrue();
      add(side, List.of(EARLY), "late");
      Version after = side.open();
      assertThat(answersSoon(after, EARLY)).isFalse();
      assertThat(answersSoon(before, EARLY)).isTrue();
      before.close();
      after.close();
    }
  }

  @Test
  void theNumberChangesOnlyWithWhatCanBeRead() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      add(side, List.of(EARLY), "a");
      side.readable(EARLY);
      Version first = side.open();
      add(side, List.of(LATE), "b");
      Version second = side.open();
      assertThat(second.number()).isEqualTo(first.number());
      add(side, List.of(EARLY), "c");
      Version third = side.open();
      assertThat(third.number()).isNotEqualTo(first.number());
      List.of(first, second, third).forEach(Version::close);
    }
  }

  @Test
  void whatWasReadCountsAsReadable() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      Version before = side.open();
      assertThat(read(before, EARLY)).isEmpty();
      add(side, List.of(EARLY), "a");
      assertThat(read(before, EARLY)).isEmpty();
      Version after = side.open();
      assertThat(after.number()).isNotEqualTo(before.number());
      assertThat(read(after, EARLY)).containsExactly("a");
      before.close();
      after.close();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theNewestPaneReplacesWhatWasThere(boolean onDisk) {
    BlockStore blocks = onDisk ? new BlockStore(new MemoryBudget(0), files) : store;
    try (WindowedSideInput side =
        new WindowedSideInput(PLAIN, Update.REPLACE, blocks, onDisk ? 1 : 1 << 20)) {
      assertThat(side.holds(EARLY)).isFalse();
      byte[] one = TestingElements.prefixed("one");
      byte[] two = TestingElements.prefixed("two");
      addPanes(side, PLAIN, blocks, pane(EARLY, 0, one), pane(LATE, 0, two));
      assertThat(side.holds(EARLY)).isTrue();
      side.readable(EARLY);
      Version first = side.open();
      addPanes(side, PLAIN, blocks, pane(EARLY, 1, two), pane(EARLY, 2, one, two, one));
      Version second = side.open();
      addPanes(side, PLAIN, blocks, pane(EARLY, 3));
      Version third = side.open();
      assertThat(read(first, EARLY)).containsExactly("one");
      assertThat(read(second, EARLY)).containsExactly("one", "two", "one");
      assertThat(read(third, EARLY)).isEmpty();
      assertThat(read(third, LATE)).containsExactly("two");
      assertThat(List.of(first.number(), second.number(), third.number())).doesNotHaveDuplicates();
      List.of(first, second, third).forEach(Version::close);
    }
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void panesOfAMultimapAreReadByKey() {
    try (WindowedSideInput side = new WindowedSideInput(KEYED, Update.REPLACE, store, 1 << 20)) {
      byte[] a = concat(TestingElements.prefixed("k"), TestingElements.prefixed("a"));
      byte[] b = concat(TestingElements.prefixed("l"), TestingElements.prefixed("b"));
      byte[] c = concat(TestingElements.prefixed("k"), TestingElements.prefixed("c"));
      addPanes(side, KEYED, store, pane(EARLY, 0, a), pane(EARLY, 1, a, b, c));
      Version version = side.open();
      ByteString window = ByteString.copyFrom(EARLY.bytes());
      StateKey keys =
          StateKey.newBuilder()
              .setMultimapKeysSideInput(
                  StateKey.MultimapKeysSideInput.newBuilder().setWindow(window))
              .build();
      assertThat(read(version, keys)).containsExactly("k", "l");
      StateKey values =
          StateKey.newBuilder()
              .setMultimapSideInput(
                  StateKey.MultimapSideInput.newBuilder()
                      .setWindow(window)
                      .setKey(ByteString.copyFrom(TestingElements.prefixed("k"))))
              .build();
      assertThat(read(version, values)).containsExactly("a", "c");
      version.close();
    }
    assertThat(budget.reserved()).isZero();
  }

  private static byte[] concat(byte[] one, byte[] other) {
    return new ByteSink().put(one).put(other).toByteArray();
  }

  @Test
  void windowsAreFreedWhenAllReadersArePast() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      int fast = side.addReader();
      int slow = side.addReader();
      add(side, List.of(EARLY), "a");
      add(side, List.of(EARLY, LATE), "b");
      Version running = side.open();
      assertThat(read(running, EARLY)).containsExactly("a", "b");
      side.advanced(fast, 15);
      side.advanced(slow, 9);
      assertThat(side.isPast(EARLY)).isFalse();
      long all = budget.reserved();

      side.advanced(slow, 10);
      assertThat(side.isPast(EARLY)).isTrue();
      assertThat(read(running, EARLY)).as("still runs").containsExactly("a", "b");
      assertThat(budget.reserved()).isEqualTo(all);
      running.close();
      assertThat(budget.reserved()).isPositive().isLessThan(all);

      Version later = side.open();
      assertThat(read(later, EARLY)).isEmpty();
      assertThat(read(later, LATE)).containsExactly("b");
      later.close();
      add(side, List.of(EARLY), "too late");
      side.advanced(slow, EventTime.MAX);
      assertThat(budget.reserved()).isPositive();
      side.advanced(fast, EventTime.MAX);
      assertThat(budget.reserved()).isZero();
    }
  }

  @Test
  void memoryStaysFlatInALongJob() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      int reader = side.addReader();
      long most = 0;
      for (int i = 0; i < 1000; i++) {
        ByteKey window = TestingElements.interval(10L * i, 10L * i + 10);
        add(side, List.of(window), "value");
        side.readable(window);
        try (Version version = side.open()) {
          assertThat(read(version, window)).containsExactly("value");
        }
        side.advanced(reader, 10L * i);
        if (i == 10) {
          most = budget.reserved();
        }
      }
      assertThat(budget.reserved()).isLessThanOrEqualTo(most);
    }
  }

  @Test
  void refusesWhatItCannotKeepByWindow() {
    try (WindowedSideInput side = plain(Update.APPEND)) {
      EdgeWriter mixed = new EdgeWriter(new EdgeTarget(new EdgeId("side"), PLAIN, 1, 0, 0), store);
      ByteSink sink = new ByteSink();
      TestingElements.write(sink, 0, List.of(EARLY), new byte[0], TestingElements.prefixed("a"));
      mixed.append(sink.toByteString());
      var block = mixed.finish().blocks().get(0);
      assertThatThrownBy(() -> side.add(block)).hasMessageContaining("not cut by window");
    }
  }
}
