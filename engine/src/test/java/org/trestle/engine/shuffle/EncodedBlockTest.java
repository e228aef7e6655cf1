package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireFormatException;

class EncodedBlockTest {
  private static final EdgeFormat FORMAT = TestingElements.keyedGlobal();

  @Property(tries = 200)
  void slicesAndChunksKeepAllElementsInOrder(
      @ForAll @Size(min = 1, max = 300) List<@IntRange(max = 40) Integer> lengths,
      @ForAll @IntRange(min = 1, max = 500) int maxBytes,
      @ForAll @IntRange(max = 300) int cutSeed,
      @ForAll boolean onDisk) {
    MemoryBudget budget = new MemoryBudget(onDisk ? 0 : 1 << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files)) {
      List<ByteString> elements = elements(lengths);
      EncodedBlock whole = block(write(store, elements, 1, 0));
      int cut = cutSeed % whole.count();

      assertThat(whole.isInMemory()).isEqualTo(!onDisk);
      assertThat(whole.data()).isEqualTo(ByteString.copyFrom(elements));
      assertThat(whole.bytes()).isEqualTo(whole.data().size());
      assertChunks(whole, elements, maxBytes);
      EncodedBlock tail = whole.slice(cut, whole.count());
      assertChunks(tail, elements.subList(cut, elements.size()), maxBytes);
      if (cut > 0) {
        EncodedBlock head = whole.slice(0, cut);
        assertThat(head.bytes() + tail.bytes()).isEqualTo(whole.bytes());
        assertThat(head.data().concat(tail.data())).isEqualTo(whole.data());
        head.release();
      }
      assertThat(tail.slice(0, tail.count())).isSameAs(tail);
      tail.release();
      assertThat(budget.reserved()).isZero();
    }
  }

  private static void assertChunks(EncodedBlock block, List<ByteString> elements, int maxBytes) {
    List<ByteString> chunks = new ArrayList<>();
    block.chunks(maxBytes).forEachRemaining(chunks::add);
    assertThat(ByteString.copyFrom(chunks)).isEqualTo(ByteString.copyFrom(elements));
    List<ByteString> found = new ArrayList<>();
    for (ByteString chunk : chunks) {
      List<ByteString> ofChunk = TestingElements.elements(FORMAT, List.of(chunk));
      assertThat(chunk.size() <= maxBytes || ofChunk.size() == 1).isTrue();
      found.addAll(ofChunk);
    }
    assertThat(found).isEqualTo(elements);
  }

  @Property(tries = 100)
  void keyedElementsArePartedByKeyGroup(
      @ForAll @Size(min = 1, max = 200) List<@IntRange(max = 20) Integer> lengths,
      @ForAll @IntRange(min = 1, max = 9) int keyGroups,
      @ForAll boolean alsoPlain,
      @ForAll boolean onDisk) {
    MemoryBudget budget = new MemoryBudget(onDisk ? 0 : 1 << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files)) {
      List<ByteString> elements = elements(lengths);
      EdgeTarget target =
          new EdgeTarget(new EdgeId("edge"), FORMAT, alsoPlain ? 1 : 0, 1, keyGroups);
      EdgeWriter writer = new EdgeWriter(target, store);
      elements.forEach(writer::append);
      EdgeOutput output = writer.finish();

      List<ByteString> found = new ArrayList<>();
      for (KeyGroupBlock part : output.keyed()) {
        ByteString data = ((EncodedBlock) part.block()).data();
        assertThat(((EncodedBlock) part.block()).slice(0, 1).keyGroup()).isEqualTo(part.keyGroup());
        for (ByteString element : TestingElements.elements(FORMAT, List.of(data))) {
          assertThat(keyGroup(element, keyGroups)).isEqualTo(part.keyGroup());
          assertThat(timestamp(element)).isGreaterThanOrEqualTo(part.block().minTimestamp());
          found.add(element);
        }
      }
      assertThat(found).containsExactlyInAnyOrderElementsOf(elements);
      assertThat(output.blocks()).hasSize(alsoPlain ? output.keyed().size() : 0);
      output.keyed().forEach(part -> store.release(part.block()));
      store.release(output.blocks());
      assertThat(budget.reserved()).isZero();
    }
  }

  @Property(tries = 100)
  void blocksCutByWindowHoldElementsOfTheSameWindows(
      @ForAll @Size(min = 1, max = 100) List<@IntRange(max = 3) Integer> windowSets,
      @ForAll boolean keyed,
      @ForAll boolean onDisk) {
    List<List<ByteKey>> sets =
        List.of(
            List.of(TestingElements.interval(0, 10)),
            List.of(TestingElements.interval(0, 20), TestingElements.interval(10, 30)),
            List.of(TestingElements.interval(10, 30)),
            List.of());
    EdgeFormat format = TestingElements.keyedIntervals();
    MemoryBudget budget = new MemoryBudget(onDisk ? 0 : 1 << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files)) {
      EdgeTarget target =
          new EdgeTarget(new EdgeId("edge"), format, keyed ? 0 : 1, keyed ? 1 : 0, 3, true);
      EdgeWriter writer = new EdgeWriter(target, store);
      Map<List<ByteKey>, List<Long>> expected = new HashMap<>();
      for (int i = 0; i < windowSets.size(); i++) {
        List<ByteKey> windows = sets.get(windowSets.get(i));
        expected.computeIfAbsent(windows, any -> new ArrayList<>()).add((long) i);
        ByteSink sink = new ByteSink();
        byte[] key = TestingElements.prefixed("k" + i % 5);
        TestingElements.write(sink, i, windows, key, TestingElements.prefixed("v"));
        writer.append(sink.toByteString());
      }
      EdgeOutput output = writer.finish();

      List<ElementBlock> blocks = new ArrayList<>(output.blocks());
      output.keyed().forEach(part -> blocks.add(part.block()));
      Map<List<ByteKey>, List<Long>> found = new HashMap<>();
      for (ElementBlock block : blocks) {
        List<ByteKey> windows = ((EncodedBlock) block).windows();
        assertThat(((EncodedBlock) block.slice(0, 1)).windows()).isEqualTo(windows);
        WindowedValueCursor cursor =
            format.cursor().reset(((EncodedBlock) block).data().toByteArray());
        while (cursor.next()) {
          assertThat(cursor.windowCount()).isEqualTo(windows.size());
          assertThat(cursor.timestamp()).isGreaterThanOrEqualTo(block.minTimestamp());
          found.computeIfAbsent(windows, any -> new ArrayList<>()).add(cursor.timestamp());
        }
      }
      if (keyed) {
        found.values().forEach(times -> times.sort(null));
        output
            .keyed()
            .forEach(
                part ->
                    assertThat(((EncodedBlock) part.block()).keyGroup())
                        .isEqualTo(part.keyGroup()));
      }
      assertThat(found).isEqualTo(expected);
      store.release(blocks);
      assertThat(budget.reserved()).isZero();
    }
  }

  @Test
  void elementsLargerThanABlockGetABlockOfTheirOwn() {
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files)) {
      List<ByteString> elements = elements(List.of(10, 3_000_000, 10, 10));
      EdgeOutput output = write(store, List.of(ByteString.copyFrom(elements)), 1, 0);

      assertThat(output.blocks()).extracting(ElementBlock::count).containsExactly(1, 1, 2);
      assertThat(output.blocks())
          .extracting(ElementBlock::minTimestamp)
          .containsExactly(0L, 1L, 2L);
    }
  }

  @Test
  void nobodyToReadMeansNothingKept() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files)) {
      EdgeOutput output = write(store, elements(List.of(1, 2)), 0, 0);

      assertThat(output.blocks()).isEmpty();
      assertThat(output.keyed()).isEmpty();
      assertThat(budget.reserved()).isZero();
    }
  }

  @Test
  void cutOffElementsAreRefusedWithTheNameOfTheEdge() {
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files)) {
      ByteString element = elements(List.of(10)).get(0);
      for (int length = 1; length < element.size(); length++) {
        EdgeWriter writer =
            new EdgeWriter(new EdgeTarget(new EdgeId("edge-7"), FORMAT, 1, 0, 0), store);
        ByteString cutOff = element.substring(0, length);
        assertThatThrownBy(() -> writer.append(cutOff))
            .isInstanceOf(WireFormatException.class)
            .hasMessageContaining("edge-7");
        writer.discard();
      }
    }
  }

  @Test
  void discardAndCloseGiveMemoryBack() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter writer = new EdgeWriter(new EdgeTarget(new EdgeId("e"), FORMAT, 1, 0, 0), store);
      writer.append(ByteString.copyFrom(elements(List.of(1, 2, 3))));
      EdgeOutput output = writer.finish();
      assertThat(budget.reserved()).isPositive();
      writer.discard();
      writer.discard();
      assertThat(budget.reserved()).isZero();
      assertThatThrownBy(() -> block(output).data()).hasMessageContaining("after their release");

      write(store, elements(List.of(1, 2, 3)), 2, 0);
      assertThat(budget.reserved()).isPositive();
    }
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void filesGoWhenTheJobEnds() {
    SpillFiles files = TestingElements.files();
    BlockStore store = new BlockStore(new MemoryBudget(0), files);
    write(store, elements(List.of(1, 2, 3)), 1, 0);
    assertThat(files.bytesOnDisk()).isPositive();

    store.close();
    files.close();
    files.close();

    assertThat(files.bytesOnDisk()).isZero();
    assertThatThrownBy(() -> write(store, elements(List.of(1)), 1, 0))
        .hasMessageContaining("closed");
  }

  @Test
  void chunksEndWithTheirElements() {
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(new MemoryBudget(1 << 30), files)) {
      Iterator<ByteString> chunks = block(write(store, elements(List.of(1)), 1, 0)).chunks(1);
      chunks.next();
      assertThatThrownBy(chunks::next).isInstanceOf(NoSuchElementException.class);
    }
  }

  private static EdgeOutput write(
      BlockStore store, List<ByteString> elements, int readers, int keyedReaders) {
    EdgeWriter writer =
        new EdgeWriter(new EdgeTarget(new EdgeId("edge"), FORMAT, readers, keyedReaders, 4), store);
    elements.forEach(writer::append);
    return writer.finish();
  }

  private static EncodedBlock block(EdgeOutput output) {
    return (EncodedBlock) output.blocks().get(0);
  }

  /** Elements with values of these lengths; their timestamps count up. */
  private static List<ByteString> elements(List<Integer> lengths) {
    List<ByteString> elements = new ArrayList<>();
    for (int i = 0; i < lengths.size(); i++) {
      ByteSink sink = new ByteSink();
      TestingElements.write(
          sink,
          i,
          List.of(ByteKey.empty()),
          TestingElements.prefixed("key" + lengths.get(i) % 7),
          TestingElements.prefixed("v".repeat(lengths.get(i))));
      elements.add(sink.toByteString());
    }
    return elements;
  }

  private static int keyGroup(ByteString element, int keyGroups) {
    byte[] bytes = element.toByteArray();
    WindowedValueCursor cursor = FORMAT.cursor().reset(bytes);
    assertThat(cursor.next()).isTrue();
    return KeyGroups.of(bytes, cursor.keyStart(), cursor.keyEnd(), keyGroups);
  }

  private static long timestamp(ByteString element) {
    return Timestamps.decode(element.toByteArray(), 0, element.size());
  }
}
