package org.trestle.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateAppendRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateGetResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateRequest;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;

class SideInputTableTest {
  private static final ByteKey[] WINDOWS = {
    TestingElements.interval(0, 10),
    TestingElements.interval(10, 20),
    TestingElements.interval(20, 30)
  };

  @Property(tries = 200)
  void givesWhatANaiveMapHolds(
      @ForAll @Size(max = 60) List<@IntRange(max = 999_999) Integer> seeds,
      @ForAll @IntRange(max = 60) int pageBytes,
      @ForAll boolean onDisk) {
    MemoryBudget budget = new MemoryBudget(onDisk ? 0 : 1 << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files)) {
      Map<ByteKey, Map<String, List<String>>> expected = new LinkedHashMap<>();
      EdgeWriter writer = writer(TestingElements.keyedIntervals(), store);
      for (int seed : seeds) {
        String key = "k" + seed % 4;
        String value = "v".repeat(seed / 4 % 30) + seed;
        List<ByteKey> windows =
            seed % 3 == 0 ? List.of(WINDOWS[0], WINDOWS[1]) : List.of(WINDOWS[0]);
        for (ByteKey window : windows) {
          expected
              .computeIfAbsent(window, any -> new LinkedHashMap<>())
              .computeIfAbsent(key, any -> new ArrayList<>())
              .add(value);
        }
        writer.append(element(windows, key, value));
      }
      try (SideInputTable table =
          new SideInputTable(TestingElements.keyedIntervals(), false, store, pageBytes)) {
        writer.finish().blocks().forEach(table::add);
        table.complete();
        for (ByteKey window : WINDOWS) {
          assertWindow(table, window, expected.getOrDefault(window, Map.of()), pageBytes);
        }
      }
      assertThat(budget.reserved()).isZero();
    }
  }

  private static void assertWindow(
      SideInputTable table, ByteKey window, Map<String, List<String>> expected, int pageBytes) {
    List<String> keys = new ArrayList<>();
    ByteString.Output all = ByteString.newOutput();
    expected.forEach(
        (key, values) -> {
          keys.add(key);
          ByteSink sink = new ByteSink().put(TestingElements.prefixed(key)).putInt(values.size());
          values.forEach(value -> sink.put(TestingElements.prefixed(value)));
          sink.toByteString().asReadOnlyByteBufferList().forEach(b -> write(all, b));
        });
    assertThat(read(table, keysOf(window), pageBytes)).isEqualTo(joined(keys));
    assertThat(read(table, keysValuesOf(window), Integer.MAX_VALUE)).isEqualTo(all.toByteString());
    for (String key : List.of("k0", "k1", "k2", "k3", "unknown")) {
      assertThat(read(table, valuesOf(window, key), pageBytes))
          .isEqualTo(joined(expected.getOrDefault(key, List.of())));
    }
  }

  private static void write(ByteString.Output target, ByteBuffer source) {
    while (source.hasRemaining()) {
      target.write(source.get());
    }
  }

  @Test
  void answersPagesSoonOnceItWasRead() {
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files);
        SideInputTable table =
            new SideInputTable(TestingElements.keyedIntervals(), false, store, 100)) {
      EdgeWriter writer = writer(TestingElements.keyedIntervals(), store);
      writer.append(element(List.of(WINDOWS[0]), "k", "v"));
      writer.finish().blocks().forEach(table::add);
      table.complete();
      SideInputStore.Version version = table.open();
      StateRequest values = get(valuesOf(WINDOWS[0], "k"), ByteString.EMPTY);

      assertThat(version.answersSoon(values)).isFalse();
      var unused = version.handle(values);
      assertThat(version.answersSoon(values)).isTrue();
      assertThat(version.answersSoon(get(keysOf(WINDOWS[0]), ByteString.EMPTY))).isTrue();
      // Whole groups can be much larger than a page.
      assertThat(version.answersSoon(get(keysValuesOf(WINDOWS[0]), ByteString.EMPTY))).isFalse();
    }
  }

  @Property(tries = 100)
  void iterablesComeInTheOrderOfTheBlocks(
      @ForAll @Size(max = 60) List<@IntRange(max = 99_999) Integer> seeds,
      @ForAll @IntRange(max = 60) int pageBytes,
      @ForAll boolean onDisk) {
    EdgeFormat format = TestingElements.plainIntervals();
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(onDisk ? 0 : 1 << 30), files);
        SideInputTable table = new SideInputTable(format, false, store, pageBytes)) {
      Map<ByteKey, List<String>> expected = new LinkedHashMap<>();
      for (int seed : seeds) {
        ByteKey window = WINDOWS[seed % 2];
        expected.computeIfAbsent(window, any -> new ArrayList<>()).add("v" + seed);
        EdgeWriter writer = writer(format, store);
        ByteSink sink = new ByteSink();
        TestingElements.write(
            sink, 0, List.of(window), new byte[0], TestingElements.prefixed("v" + seed));
        writer.append(sink.toByteString());
        writer.finish().blocks().forEach(table::add);
      }
      table.complete();

      for (ByteKey window : WINDOWS) {
        assertThat(read(table, iterableOf(window), pageBytes))
            .isEqualTo(joined(expected.getOrDefault(window, List.of())));
      }
    }
  }

  @Test
  void elementsOfAFiringReplaceThoseOfFiringsBeforeIfWanted() {
    EdgeFormat format = TestingElements.keyedIntervals();
    for (boolean replace : List.of(true, false)) {
      try (SpillFiles files = TestingElements.files();
          BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files);
          SideInputTable table = new SideInputTable(format, replace, store, 100)) {
        EdgeWriter writer = writer(format, store);
        writer.append(element(List.of(WINDOWS[0]), "k", "raw"));
        writer.append(firing(0, "k", "a"));
        writer.append(firing(0, "other", "o"));
        writer.append(firing(2, "k", "c"));
        writer.append(firing(1, "k", "b"));
        writer.append(firing(2, "k", "d"));
        writer.finish().blocks().forEach(table::add);
        table.complete();

        assertThat(read(table, valuesOf(WINDOWS[0], "k"), 100))
            .isEqualTo(joined(replace ? List.of("c", "d") : List.of("raw", "a", "c", "b", "d")));
        assertThat(read(table, valuesOf(WINDOWS[0], "other"), 100)).isEqualTo(joined(List.of("o")));
      }
    }
  }

  private static ByteString firing(long index, String key, String value) {
    Panes.Pane pane = new Panes.Pane(index == 0, false, Panes.Timing.EARLY, index, -1);
    ByteSink sink = new ByteSink();
    TestingElements.write(
        sink,
        0,
        List.of(WINDOWS[0]),
        pane,
        TestingElements.prefixed(key),
        TestingElements.prefixed(value));
    return sink.toByteString();
  }

  @Test
  void refusesTokensThatAreNotItsOwn() {
    withTable(
        table -> {
          StateKey key = valuesOf(WINDOWS[0], "k");
          ByteString token =
              table.handle(get(key, ByteString.EMPTY)).getGet().getContinuationToken();
          assertThat(token).isNotEmpty();
          assertRefused(table, get(key, ByteString.copyFromUtf8("x")));
          assertRefused(table, get(key, ByteString.copyFromUtf8("something long enough")));
          assertRefused(table, get(valuesOf(WINDOWS[1], "k"), token));
          assertRefused(table, get(keysOf(WINDOWS[0]), token));
        });
  }

  private static void assertRefused(SideInputTable table, StateRequest request) {
    assertThatThrownBy(() -> table.handle(request))
        .isInstanceOf(StateRequestException.class)
        .hasMessageContaining("continuation token");
  }

  @Test
  void refusesOtherKindsAndChanges() {
    withTable(
        table -> {
          assertThatThrownBy(
                  () -> table.handle(get(StateKey.getDefaultInstance(), ByteString.EMPTY)))
              .isInstanceOf(StateRequestException.class);
          assertThatThrownBy(() -> table.handle(get(iterableOf(WINDOWS[0]), ByteString.EMPTY)))
              .hasMessageContaining("multimap");
          assertThatThrownBy(
                  () ->
                      table.handle(
                          StateRequest.newBuilder()
                              .setStateKey(keysOf(WINDOWS[0]))
                              .setAppend(StateAppendRequest.getDefaultInstance())
                              .build()))
              .hasMessageContaining("only be read");
        });
  }

  @Test
  void isReadOnlyWhenComplete() {
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files);
        SideInputTable table =
            new SideInputTable(TestingElements.keyedIntervals(), false, store, 10)) {
      assertThatThrownBy(() -> table.handle(get(keysOf(WINDOWS[0]), ByteString.EMPTY)))
          .hasMessageContaining("not complete");
    }
  }

  private interface Check {
    void on(SideInputTable table);
  }

  private static void withTable(Check check) {
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files);
        SideInputTable table =
            new SideInputTable(TestingElements.keyedIntervals(), false, store, 1)) {
      EdgeWriter writer = writer(TestingElements.keyedIntervals(), store);
      writer.append(element(List.of(WINDOWS[0]), "k", "one"));
      writer.append(element(List.of(WINDOWS[0]), "k", "two"));
      writer.finish().blocks().forEach(table::add);
      table.complete();
      check.on(table);
    }
  }

  private static EdgeWriter writer(EdgeFormat format, BlockStore store) {
    return new EdgeWriter(new EdgeTarget(new EdgeId("side"), format, 1, 0, 0), store);
  }

  private static ByteString element(List<ByteKey> windows, String key, String value) {
    ByteSink sink = new ByteSink();
    TestingElements.write(
        sink, 0, windows, TestingElements.prefixed(key), TestingElements.prefixed(value));
    return sink.toByteString();
  }

  /** Reads all pages; none is larger than a page, unless it is a single element. */
  private static ByteString read(SideInputTable table, StateKey key, int pageBytes) {
    ByteString all = ByteString.EMPTY;
    ByteString token = ByteString.EMPTY;
    do {
      StateGetResponse page = table.handle(get(key, token)).getGet();
      token = page.getContinuationToken();
      assertThat(token.isEmpty() || !page.getData().isEmpty()).isTrue();
      assertThat(page.getData().size()).isLessThanOrEqualTo(Math.max(pageBytes, 40));
      byte[] data = page.getData().toByteArray();
      for (int at = 0; at < data.length && pageBytes < Integer.MAX_VALUE; ) {
        at = TestingElements.BYTES.skip(data, at, data.length);
      }
      all = all.concat(page.getData());
    } while (!token.isEmpty());
    return all;
  }

  private static ByteString joined(List<String> values) {
    ByteSink sink = new ByteSink();
    values.forEach(value -> sink.put(TestingElements.prefixed(value)));
    return sink.toByteString();
  }

  private static StateRequest get(StateKey key, ByteString token) {
    return StateRequest.newBuilder()
        .setStateKey(key)
        .setGet(StateGetRequest.newBuilder().setContinuationToken(token))
        .build();
  }

  private static ByteString bytes(ByteKey window) {
    return ByteString.copyFrom(window.bytes());
  }

  private static StateKey iterableOf(ByteKey window) {
    return StateKey.newBuilder()
        .setIterableSideInput(StateKey.IterableSideInput.newBuilder().setWindow(bytes(window)))
        .build();
  }

  private static StateKey keysOf(ByteKey window) {
    return StateKey.newBuilder()
        .setMultimapKeysSideInput(
            StateKey.MultimapKeysSideInput.newBuilder().setWindow(bytes(window)))
        .build();
  }

  private static StateKey keysValuesOf(ByteKey window) {
    return StateKey.newBuilder()
        .setMultimapKeysValuesSideInput(
            StateKey.MultimapKeysValuesSideInput.newBuilder().setWindow(bytes(window)))
        .build();
  }

  private static StateKey valuesOf(ByteKey window, String key) {
    return StateKey.newBuilder()
        .setMultimapSideInput(
            StateKey.MultimapSideInput.newBuilder()
                .setWindow(bytes(window))
                .setKey(ByteString.copyFrom(TestingElements.prefixed(key))))
        .build();
  }
}
