package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class ValueBufferTest {

  @Property(tries = 200)
  void givesBackWhatWasAdded(
      @ForAll @Size(max = 30) List<@IntRange(max = 40_000) Integer> sizes,
      @ForAll boolean memoryIsShort) {
    MemoryBudget budget = new MemoryBudget(memoryIsShort ? 0 : 1L << 40);
    try (SpillFiles files = TestingElements.files();
        PaneStore store = new PaneStore(budget, files)) {
      ValueBuffer buffer = store.newBuffer();
      ByteArrayOutputStream expected = new ByteArrayOutputStream();
      for (int i = 0; i < sizes.size(); i++) {
        byte[] value = value(sizes.get(i), i);
        buffer.add(value, 0, value.length);
        expected.writeBytes(value);
      }

      assertThat(buffer.count()).isEqualTo(sizes.size());
      assertThat(buffer.bytes()).isEqualTo(expected.size());
      assertThat(bytes(buffer)).isEqualTo(expected.toByteArray());
      assertThat(budget.reserved()).isEqualTo(store.memory());
      if (memoryIsShort) {
        assertThat(store.memory()).isLessThan(3L * ValueBuffer.CHUNK_BYTES);
      }
      buffer.clear();
      assertThat(buffer.bytes()).isZero();
      assertThat(store.memory()).isZero();
    }
  }

  @Property(tries = 200)
  void takesAllOfAnother(
      @ForAll @IntRange(max = 40) int ofOne,
      @ForAll @IntRange(max = 40) int ofOther,
      @ForAll boolean memoryIsShort) {
    MemoryBudget budget = new MemoryBudget(memoryIsShort ? 0 : 1L << 40);
    try (SpillFiles files = TestingElements.files();
        PaneStore store = new PaneStore(budget, files)) {
      ValueBuffer one = store.newBuffer();
      ValueBuffer other = store.newBuffer();
      fill(one, ofOne, 1);
      fill(other, ofOther, 2);

      one.takeFrom(other);

      assertThat(one.count()).isEqualTo(ofOne + ofOther);
      assertThat(one.bytes()).isEqualTo(7000L * (ofOne + ofOther));
      byte[] expected = new byte[7000 * (ofOne + ofOther)];
      Arrays.fill(expected, 0, 7000 * ofOne, (byte) 1);
      Arrays.fill(expected, 7000 * ofOne, expected.length, (byte) 2);
      byte[] actual = bytes(one);
      Arrays.sort(actual);
      assertThat(actual).isEqualTo(expected);
      assertThat(other.count()).isZero();
      other.clear();
      one.clear();
      assertThat(store.memory()).isZero();
      assertThat(budget.reserved()).isZero();
    }
  }

  @Test
  void smallPanesGoToDiskAsWellWhenMemoryIsShort() {
    MemoryBudget budget = new MemoryBudget(0);
    try (SpillFiles files = TestingElements.files();
        PaneStore store = new PaneStore(budget, files)) {
      ValueBuffer small = store.newBuffer();
      ValueBuffer tiny = store.newBuffer();
      small.add(value(2000, 1), 0, 2000);
      tiny.add(value(20, 2), 0, 20);

      small.spillIfExceeded();
      tiny.spillIfExceeded();
      small.add(value(2000, 3), 0, 2000);

      assertThat(files.bytesOnDisk()).isBetween(1L, 2000L);
      assertThat(store.memory()).isLessThan(2300);
      assertThat(bytes(small)).startsWith(value(2000, 1)).endsWith(value(2000, 3)).hasSize(4000);
      assertThat(bytes(tiny)).isEqualTo(value(20, 2));
      small.clear();
      tiny.clear();
      assertThat(store.memory()).isZero();
    }
  }

  @Test
  void closingTheStoreGivesAllMemoryBack() {
    MemoryBudget budget = new MemoryBudget(1L << 40);
    try (SpillFiles files = TestingElements.files()) {
      PaneStore store = new PaneStore(budget, files);
      ValueBuffer buffer = store.newBuffer();
      fill(buffer, 100, 1);
      assertThat(budget.reserved()).isGreaterThan(700_000);
      store.close();
      store.close();
      assertThat(budget.reserved()).isZero();
      fill(buffer, 100, 1);
      assertThat(budget.reserved()).isZero();
    }
  }

  private static void fill(ValueBuffer buffer, int values, int content) {
    for (int i = 0; i < values; i++) {
      buffer.add(value(7000, content), 0, 7000);
    }
  }

  private static byte[] value(int size, int content) {
    byte[] value = new byte[size];
    Arrays.fill(value, (byte) content);
    return value;
  }

  private static byte[] bytes(ValueBuffer buffer) {
    byte[] target = new byte[Math.toIntExact(buffer.bytes())];
    buffer.copyTo(target, 0);
    return target;
  }
}
