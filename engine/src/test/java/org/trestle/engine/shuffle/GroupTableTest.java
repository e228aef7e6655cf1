package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.windowing.SessionMerging;
import org.trestle.engine.windowing.WindowMerger;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;

class GroupTableTest {
  private static final int KEY_GROUPS = 3;

  /** Four bytes of count, then as many values. */
  private static final WireCoder ITERABLE =
      (buffer, position, limit) -> {
        int at = position + 4;
        int count = ByteBuffer.wrap(buffer).getInt(position);
        for (int i = 0; i < count; i++) {
          at = TestingElements.BYTES.skip(buffer, at, limit);
        }
        return at;
      };

  /** An element to group: small numbers, from which all its parts are made. */
  record Input(int key, int value, int timestamp, int windows) {}

  @Property(tries = 300)
  void groupsAsANaiveMapDoes(
      @ForAll @Size(max = 60) List<@IntRange(max = 9_999_999) Integer> seeds,
      @ForAll OutputTime outputTime,
      @ForAll boolean tinyBudget,
      @ForAll boolean manyBlocks) {
    List<Input> inputs = inputs(seeds);
    Map<String, List<String>> expected = new TreeMap<>();
    Map<String, Long> times = new TreeMap<>();
    for (Input input : inputs) {
      for (ByteKey window : fixedWindows(input)) {
        String group = group(key(input), window);
        expected.computeIfAbsent(group, any -> new ArrayList<>()).add(hex(value(input)));
        times.merge(
            group,
            outputTime == OutputTime.END_OF_WINDOW ? end(window) : input.timestamp,
            outputTime == OutputTime.LATEST ? Math::max : Math::min);
      }
    }

    List<Emitted> emitted = run(inputs, outputTime, null, tinyBudget, manyBlocks, false);

    assertThat(byGroup(emitted)).isEqualTo(expected);
    assertThat(timesByGroup(emitted)).isEqualTo(times);
  }

  @Property(tries = 300)
  void mergesSessionsByKey(
      @ForAll @Size(max = 60) List<@IntRange(max = 9_999_999) Integer> seeds,
      @ForAll boolean tinyBudget) {
    List<Input> inputs = inputs(seeds);
    Map<String, List<String>> expected = new TreeMap<>();
    Map<Integer, List<Input>> byKey = new TreeMap<>();
    inputs.forEach(input -> byKey.computeIfAbsent(input.key, any -> new ArrayList<>()).add(input));
    for (List<Input> ofKey : byKey.values()) {
      List<Input> sorted = new ArrayList<>(ofKey);
      sorted.sort((a, b) -> Integer.compare(a.timestamp, b.timestamp));
      int from = 0;
      for (int i = 1; i <= sorted.size(); i++) {
        if (i == sorted.size() || sorted.get(i).timestamp >= sorted.get(i - 1).timestamp + 10) {
          List<Input> session = sorted.subList(from, i);
          ByteKey window =
              TestingElements.interval(
                  session.get(0).timestamp, session.get(session.size() - 1).timestamp + 10L);
          List<String> values = new ArrayList<>();
          session.forEach(input -> values.add(hex(value(input))));
          values.sort(null);
          expected.put(group(key(session.get(0)), window), values);
          from = i;
        }
      }
    }

    Map<String, List<String>> actual =
        byGroup(
            run(inputs, OutputTime.END_OF_WINDOW, new SessionMerging(), tinyBudget, true, true));
    actual.values().forEach(values -> values.sort(null));

    assertThat(actual).isEqualTo(expected);
  }

  @Test
  void aWindowThatTheMergerInventedIsRefused() {
    WindowMerger merger =
        sets ->
            List.of(
                List.of(
                    new WindowMerger.Merged(
                        TestingElements.interval(0, 1),
                        List.of(TestingElements.interval(5, 6), TestingElements.interval(7, 8)))));
    List<Input> inputs = List.of(new Input(1, 1, 1, 0), new Input(1, 1, 50, 0));

    assertThatThrownBy(() -> run(inputs, OutputTime.LATEST, merger, false, false, true))
        .hasMessageContaining("merged a window it was not given");
  }

  @Test
  void givesAllMemoryBack() {
    MemoryBudget budget = new MemoryBudget(1 << 20);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files);
        GroupTable table =
            new GroupTable(
                new Grouping(TestingElements.keyedGlobal(), OutputTime.END_OF_WINDOW, null),
                1,
                budget,
                files)) {
      EdgeWriter writer = new EdgeWriter(target(TestingElements.keyedGlobal(), 1, 0), store);
      ByteSink sink = new ByteSink();
      for (int i = 0; i < 1000; i++) {
        TestingElements.write(
            sink, i, List.of(ByteKey.empty()), key(new Input(i, 0, 0, 0)), new byte[] {1, 2});
      }
      writer.append(sink.toByteString());
      List<ElementBlock> blocks = writer.finish().blocks();
      blocks.forEach(block -> table.add(0, block));
      store.release(blocks);
      assertThat(budget.reserved()).isPositive();

      EdgeWriter output = new EdgeWriter(target(TestingElements.keyedGlobal(), 1, 0), store);
      table.drain(0, output);
      assertThat(output.elements()).isEqualTo(1000);
      output.finish();
      output.discard();

      assertThat(budget.reserved()).isZero();
    }
  }

  private record Emitted(ByteKey key, ByteKey window, long timestamp, List<String> values) {}

  private static List<Emitted> run(
      List<Input> inputs,
      OutputTime outputTime,
      @Nullable WindowMerger merger,
      boolean tinyBudget,
      boolean manyBlocks,
      boolean sessions) {
    EdgeFormat format = TestingElements.keyedIntervals();
    MemoryBudget budget = new MemoryBudget(tinyBudget ? 0 : 1 << 30);
    List<Emitted> emitted = new ArrayList<>();
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files);
        GroupTable table =
            new GroupTable(
                new Grouping(format, outputTime, merger), KEY_GROUPS, budget, files, 1)) {
      EdgeWriter writer = new EdgeWriter(target(format, 0, 1), store);
      for (Input input : inputs) {
        ByteSink sink = new ByteSink();
        List<ByteKey> windows =
            sessions
                ? List.of(TestingElements.interval(input.timestamp, input.timestamp + 10L))
                : fixedWindows(input);
        TestingElements.write(sink, input.timestamp, windows, key(input), value(input));
        writer.append(sink.toByteString());
        if (manyBlocks) {
          addAll(table, store, writer.finish());
          writer = new EdgeWriter(target(format, 0, 1), store);
        }
      }
      addAll(table, store, writer.finish());
      for (int keyGroup = 0; keyGroup < KEY_GROUPS; keyGroup++) {
        EdgeWriter output =
            new EdgeWriter(
                target(new EdgeFormat(format.window(), ITERABLE, format.key()), 1, 0), store);
        long told = table.bytes(List.of(keyGroup));
        table.drain(keyGroup, output);
        if (merger == null && !tinyBudget) {
          assertThat(output.bytes()).isEqualTo(told);
        }
        EdgeOutput result = output.finish();
        for (ElementBlock block : result.blocks()) {
          read(((EncodedBlock) block).data(), block, emitted);
        }
        store.release(result.blocks());
      }
      assertThat(budget.reserved()).isZero();
    }
    return emitted;
  }

  private static void addAll(GroupTable table, BlockStore store, EdgeOutput output) {
    output.keyed().forEach(part -> table.add(part.keyGroup(), part.block()));
    output.keyed().forEach(part -> store.release(part.block()));
  }

  private static void read(ByteString data, ElementBlock block, List<Emitted> emitted) {
    byte[] bytes = data.toByteArray();
    WindowedValueCursor cursor =
        new WindowedValueCursor(TestingElements.INTERVALS, TestingElements.BYTES, ITERABLE);
    cursor.reset(bytes);
    while (cursor.next()) {
      assertThat(cursor.windowCount()).isEqualTo(1);
      assertThat(cursor.paneHead()).isEqualTo((byte) 7);
      assertThat(cursor.timestamp()).isGreaterThanOrEqualTo(block.minTimestamp());
      List<String> values = new ArrayList<>();
      int at = cursor.keyEnd() + 4;
      while (at < cursor.valueEnd()) {
        int end = TestingElements.BYTES.skip(bytes, at, bytes.length);
        values.add(hex(Arrays.copyOfRange(bytes, at, end)));
        at = end;
      }
      emitted.add(
          new Emitted(
              ByteKey.copyOf(bytes, cursor.keyStart(), cursor.keyEnd()),
              ByteKey.copyOf(bytes, cursor.windowStart(0), cursor.windowEnd(0)),
              cursor.timestamp(),
              values));
    }
  }

  private static EdgeTarget target(EdgeFormat format, int readers, int keyedReaders) {
    return new EdgeTarget(new EdgeId("edge"), format, readers, keyedReaders, KEY_GROUPS);
  }

  private static Map<String, List<String>> byGroup(List<Emitted> emitted) {
    Map<String, List<String>> groups = new TreeMap<>();
    for (Emitted element : emitted) {
      assertThat(groups.put(group(element.key.bytes(), element.window), element.values)).isNull();
    }
    return groups;
  }

  private static Map<String, Long> timesByGroup(List<Emitted> emitted) {
    Map<String, Long> times = new TreeMap<>();
    emitted.forEach(e -> times.put(group(e.key.bytes(), e.window), e.timestamp));
    return times;
  }

  private static List<Input> inputs(List<Integer> seeds) {
    List<Input> inputs = new ArrayList<>();
    for (int seed : seeds) {
      inputs.add(new Input(seed % 5, seed / 5 % 40, seed / 200 % 100, seed / 20_000 % 3));
    }
    return inputs;
  }

  private static List<ByteKey> fixedWindows(Input input) {
    List<ByteKey> windows = new ArrayList<>();
    for (int i = 0; i <= input.windows; i++) {
      windows.add(TestingElements.interval(10L * i, 10L * i + 200));
    }
    return windows;
  }

  private static long end(ByteKey window) {
    return TestingElements.INTERVALS.maxTimestamp(window.bytes(), 0, window.length());
  }

  private static byte[] key(Input input) {
    return TestingElements.prefixed("k".repeat(input.key % 3) + input.key);
  }

  private static byte[] value(Input input) {
    // some values are larger than a chunk of the arena
    return TestingElements.prefixed(
        input.value + "v".repeat(input.value == 7 ? 70_000 : input.value));
  }

  private static String group(byte[] key, ByteKey window) {
    return hex(key) + "@" + window;
  }

  private static String hex(byte[] bytes) {
    return bytes.length > 100
        ? bytes.length + "#" + Arrays.hashCode(bytes)
        : HexFormat.of().formatHex(bytes);
  }
}
