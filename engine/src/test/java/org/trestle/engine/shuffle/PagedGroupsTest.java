package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WireCoder;

class PagedGroupsTest {
  /** An iterable whose values are in state: the number -1, the mark -1 and a prefixed token. */
  private static final WireCoder REFERENCE =
      (buffer, position, limit) ->
          TestingElements.BYTES.skip(buffer, VarInts.skip(buffer, position + 4, limit), limit);

  private static final int VALUE_BYTES = 20_000;
  private static final byte[] BIG = TestingElements.prefixed("big");
  private static final byte[] SMALL = TestingElements.prefixed("small");

  private final EdgeFormat input = TestingElements.keyedGlobal();
  private final SpillFiles files = TestingElements.files();
  private @Nullable BlockStore openStore;

  @AfterEach
  void deletesAll() {
    if (openStore != null) {
      openStore.close();
    }
    files.close();
  }

  private BlockStore store(MemoryBudget budget) {
    openStore = new BlockStore(budget, files);
    return openStore;
  }

  private EdgeWriter output(BlockStore store) {
    EdgeFormat format = new EdgeFormat(input.window(), REFERENCE, input.key());
    return new EdgeWriter(
        new EdgeTarget(new EdgeId("groups"), format, 1, 0, 1, false, true), store);
  }

  private static byte[] value(int number) {
    return TestingElements.prefixed(number + "v".repeat(VALUE_BYTES));
  }

  private void add(GroupTable table, BlockStore store, byte[] key, int from, int to) {
    EdgeWriter writer =
        new EdgeWriter(new EdgeTarget(new EdgeId("in"), input, 1, 0, 1, false), store);
    ByteSink sink = new ByteSink();
    for (int i = from; i < to; i++) {
      TestingElements.write(sink, 0, List.of(ByteKey.empty()), key, value(i));
    }
    writer.append(sink.toByteString());
    List<ElementBlock> blocks = writer.finish().blocks();
    blocks.forEach(block -> table.add(0, block));
    store.release(blocks);
  }

  private static byte[] values(int count) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < count; i++) {
      all.writeBytes(value(i));
    }
    return all.toByteArray();
  }

  private static PagedGroups.Group referred(BlockStore store, ElementBlock block) {
    byte[] bytes = ((EncodedBlock) block).data().toByteArray();
    WindowedValueCursor cursor =
        new WindowedValueCursor(TestingElements.GLOBAL, TestingElements.BYTES, REFERENCE)
            .reset(bytes);
    assertThat(cursor.next()).isTrue();
    assertThat(Arrays.copyOfRange(bytes, cursor.keyStart(), cursor.keyEnd())).isEqualTo(BIG);
    return group(store, ByteString.copyFrom(bytes, cursor.valueEnd() - 8, 8));
  }

  private static PagedGroups.Group group(BlockStore store, ByteString token) {
    return Objects.requireNonNull(store.groups().find(token));
  }

  private static byte[] read(PagedGroups.Group group) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int chunk = 0; chunk < group.chunks(); chunk++) {
      byte[] bytes = new byte[group.length(chunk)];
      group.copy(chunk, bytes, 0);
      int end = 0;
      while (end < bytes.length) {
        end = TestingElements.BYTES.skip(bytes, end, bytes.length);
      }
      assertThat(end).as("chunks end with a value").isEqualTo(bytes.length);
      all.writeBytes(bytes);
    }
    return all.toByteArray();
  }

  @Test
  void aGroupInMemoryIsPagedWhenItIsLarge() {
    int count = PagedGroups.MAX_INLINE_BYTES / VALUE_BYTES + 1;
    MemoryBudget budget = new MemoryBudget(1 << 30);
    BlockStore store = store(budget);
    try (GroupTable table = new GroupTable(grouping(), 1, budget, files)) {
      add(table, store, BIG, 0, count);
      EdgeWriter output = output(store);
      table.drain(0, output);
      List<ElementBlock> blocks = output.finish().blocks();

      assertThat(output.bytes()).isLessThan(100);
      PagedGroups.Group group = referred(store, blocks.get(0));
      assertThat(read(group)).isEqualTo(values(count));

      store.release(blocks);
      assertThat(store.groups().find(group.token())).isNull();
    }
    assertThat(budget.reserved()).isZero();
    assertThat(files.bytesOnDisk()).as("only the file that is being written").isLessThan(1 << 20);
  }

  @Test
  void aSmallerGroupIsPagedIfItIsOnDiskAnyway() {
    int count = GroupEmitter.MIN_PAGED_BYTES / VALUE_BYTES + 4;
    MemoryBudget budget = new MemoryBudget(0);
    BlockStore store = store(budget);
    try (GroupTable table = new GroupTable(grouping(), 1, budget, files, 1)) {
      add(table, store, BIG, 0, count / 2);
      add(table, store, BIG, count / 2, count);
      EdgeWriter output = output(store);
      table.drain(0, output);
      List<ElementBlock> blocks = output.finish().blocks();

      PagedGroups.Group group = referred(store, blocks.get(0));
      assertThat(read(group)).isEqualTo(values(count));
      store.release(blocks);
    }
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void aSmallGroupStaysInItsElement() {
    MemoryBudget budget = new MemoryBudget(0);
    BlockStore store = store(budget);
    try (GroupTable table = new GroupTable(grouping(), 1, budget, files, 1)) {
      add(table, store, SMALL, 0, 2);
      add(table, store, SMALL, 2, 3);
      EdgeFormat format =
          new EdgeFormat(input.window(), (buffer, position, limit) -> limit, TestingElements.BYTES);
      EdgeWriter output =
          new EdgeWriter(new EdgeTarget(new EdgeId("groups"), format, 1, 0, 1, false, true), store);
      table.drain(0, output);

      assertThat(output.finish().blocks()).hasSize(1);
      assertThat(output.bytes()).isGreaterThan(values(3).length);
    }
  }

  @Test
  void discardedOutputLeavesNoGroups() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    BlockStore store = store(budget);
    try (GroupTable table = new GroupTable(grouping(), 1, budget, files)) {
      add(table, store, BIG, 0, PagedGroups.MAX_INLINE_BYTES / VALUE_BYTES + 1);
      EdgeWriter output = output(store);
      table.drain(0, output);
      PagedGroups.Group group = referred(store, output.finish().blocks().get(0));
      output.discard();

      assertThat(store.groups().find(group.token())).isNull();
    }
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void aLargePaneIsPaged() {
    int count = PagedGroups.MAX_INLINE_BYTES / VALUE_BYTES + 1;
    MemoryBudget budget = new MemoryBudget(1 << 20);
    BlockStore store = store(budget);
    try (PaneStore panes = new PaneStore(budget, files)) {
      ValueBuffer buffer = panes.newBuffer();
      for (int i = 0; i < count; i++) {
        byte[] value = value(i);
        buffer.add(value, 0, value.length);
      }
      EdgeWriter output = output(store);
      Panes.Pane pane = Panes.decode(new byte[] {Panes.NO_FIRING}, 0, 1);
      new PaneEmitter(output).emit(ByteKey.wrap(BIG), ByteKey.empty(), 7, pane, buffer);
      EdgeOutput written = output.finish();

      PagedGroups.Group group = referred(store, written.blocks().get(0));
      assertThat(read(group)).isEqualTo(values(count));
      assertThat(buffer.bytes()).as("an accumulating pane goes on").isEqualTo(values(count).length);
      buffer.clear();
    }
  }

  @Test
  void groupsOfSeveralSegmentsLiveAsLongAsTheirOwn() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    BlockStore store = store(budget);
    EdgeWriter output = output(store);
    List<PagedGroups.Group> groups = new ArrayList<>();
    PaneStore panes = new PaneStore(budget, files);
    ValueBuffer buffer = panes.newBuffer();
    byte[] value = new byte[PagedGroups.MAX_INLINE_BYTES + 1];
    buffer.add(value, 0, value.length);
    byte[] longKey = TestingElements.prefixed("k".repeat(700_000));
    Panes.Pane pane = Panes.decode(new byte[] {Panes.NO_FIRING}, 0, 1);
    for (int i = 0; i < 2; i++) {
      new PaneEmitter(output).emit(ByteKey.wrap(longKey), ByteKey.empty(), 7, pane, buffer);
    }
    List<ElementBlock> blocks = output.finish().blocks();
    assertThat(blocks).hasSize(2);
    for (ElementBlock block : blocks) {
      ByteString data = ((EncodedBlock) block).data();
      groups.add(group(store, data.substring(data.size() - 8)));
    }

    store.release(blocks.get(0));

    assertThat(store.groups().find(groups.get(0).token())).isNull();
    assertThat(store.groups().find(groups.get(1).token())).isNotNull();
    panes.close();
  }

  private Grouping grouping() {
    return new Grouping(input, OutputTime.END_OF_WINDOW, null);
  }
}
