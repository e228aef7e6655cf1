package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.trestle.engine.shuffle.TestingElements.interval;
import static org.trestle.engine.shuffle.TestingElements.prefixed;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.port.ElementBlock;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.WindowedValueCursor;

class SortTableTest {
  private static final EdgeFormat FORMAT = TestingElements.keyedIntervals();

  private final SpillFiles files = TestingElements.files();
  private final MemoryBudget plenty = new MemoryBudget(64 << 20);
  private final BlockStore store = new BlockStore(plenty, files);

  /** What an element is to the test: its time, and a text that tells it from others. */
  private record Item(long time, String text) {
    ByteString encoded() {
      ByteSink sink = new ByteSink();
      TestingElements.write(sink, time, List.of(interval(0, 100)), prefixed("k"), prefixed(text));
      return sink.toByteString();
    }
  }

  @AfterEach
  void holdsNothingInTheEnd() {
    store.close();
    files.close();
    assertThat(plenty.reserved()).isZero();
  }

  private static void add(SortTable table, int group, Item item) {
    WindowedValueCursor cursor = FORMAT.cursor().reset(item.encoded().toByteArray());
    assertThat(cursor.next()).isTrue();
    table.add(group, cursor);
  }

  private List<ByteString> drain(SortTable table, int group, long time) {
    EdgeWriter writer = new EdgeWriter(new EdgeTarget(new EdgeId("out"), FORMAT, 1, 0, 2), store);
    table.drain(group, time, writer);
    List<ByteString> data = new ArrayList<>();
    for (ElementBlock block : writer.finish().blocks()) {
      data.add(((EncodedBlock) block).data());
    }
    List<ByteString> elements = TestingElements.elements(FORMAT, data);
    writer.discard();
    return elements;
  }

  @Property(tries = 200)
  void givesOutInOrderWhatIsDue(@ForAll @Size(max = 80) List<@IntRange(max = 999) Integer> steps) {
    MemoryBudget memory = new MemoryBudget(1 << 20);
    SortTable table = new SortTable(FORMAT, 2, memory, files);
    List<Item> waiting = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      long time = steps.get(i) / 10 % 20;
      if (steps.get(i) % 10 == 0) {
        assertThat(drain(table, 1, time)).isEqualTo(takeDue(waiting, time));
      } else {
        Item item = new Item(time, "number " + i);
        waiting.add(item);
        add(table, 1, item);
      }
      assertThat(table.earliest(1))
          .isEqualTo(waiting.stream().mapToLong(Item::time).min().orElse(Long.MAX_VALUE));
    }
    assertThat(drain(table, 1, Long.MAX_VALUE)).isEqualTo(takeDue(waiting, Long.MAX_VALUE));
    assertThat(memory.reserved()).isZero();
    table.close();
  }

  private static List<ByteString> takeDue(List<Item> waiting, long time) {
    List<Item> due = new ArrayList<>(waiting.stream().filter(item -> item.time() <= time).toList());
    waiting.removeAll(due);
    due.sort(Comparator.comparingLong(Item::time));
    return due.stream().map(Item::encoded).toList();
  }

  @Test
  void mergesWhatWentToDisk() {
    MemoryBudget none = new MemoryBudget(0);
    SortTable table = new SortTable(FORMAT, 2, none, files);
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < 4000; i++) {
      // Each time comes in several runs.
      Item item = new Item(i * 7 % 100, i + "x".repeat(1000));
      items.add(item);
      add(table, 0, item);
    }
    assertThat(files.bytesOnDisk()).as("compressed").isPositive();
    assertThat(none.reserved()).isLessThan(2 * SortTable.MIN_RUN_BYTES);

    assertThat(drain(table, 0, 49)).isEqualTo(takeDue(items, 49));
    assertThat(table.earliest(0)).isEqualTo(50);
    Item late = new Item(50, "came last");
    items.add(late);
    add(table, 0, late);
    assertThat(drain(table, 0, 99)).isEqualTo(takeDue(items, 99));

    assertThat(none.reserved()).isZero();
    table.close();
  }

  @Test
  void givesBackItsMemoryWhenItIsClosed() {
    MemoryBudget memory = new MemoryBudget(1 << 20);
    SortTable table = new SortTable(FORMAT, 2, memory, files);
    add(table, 0, new Item(1, "a"));
    add(table, 1, new Item(1, "a"));
    assertThat(memory.reserved()).isPositive();

    table.close();
    table.close();

    assertThat(memory.reserved()).isZero();
  }
}
