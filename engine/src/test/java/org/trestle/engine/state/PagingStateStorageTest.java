package org.trestle.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;

class PagingStateStorageTest {
  private final SpillFiles files = TestingElements.files();

  /** What cells should hold, by address and entry. */
  private final Map<StateAddress, NavigableMap<ByteKey, String>> model = new HashMap<>();

  private static ByteKey bytes(String text) {
    return ByteKey.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static StateAddress address(int state, int window, int key) {
    return new StateAddress("t", "s" + state, bytes("w" + window), bytes("k" + key));
  }

  private void append(PagingStateStorage storage, StateAddress cell, ByteKey entry, String text) {
    TreeMap<ByteKey, ValueChunks> appended = new TreeMap<>();
    byte[] value = text.getBytes(StandardCharsets.UTF_8);
    ValueChunks chunks = new ValueChunks();
    chunks.append(value, 0, value.length);
    appended.put(entry, chunks);
    storage.apply(cell, false, Set.of(), appended);
    model.computeIfAbsent(cell, any -> new TreeMap<>()).merge(entry, text, String::concat);
  }

  private void clear(PagingStateStorage storage, StateAddress cell) {
    storage.apply(cell, true, Set.of(), new TreeMap<>());
    model.remove(cell);
  }

  private void clear(PagingStateStorage storage, StateAddress cell, ByteKey entry) {
    storage.apply(cell, false, Set.of(entry), new TreeMap<>());
    NavigableMap<ByteKey, String> entries = model.get(cell);
    if (entries != null) {
      entries.remove(entry);
    }
  }

  private void assertHolds(PagingStateStorage storage, StateAddress cell) {
    NavigableMap<ByteKey, String> found = new TreeMap<>();
    storage.entries(cell).forEach((entry, values) -> found.put(entry, text(values)));
    assertThat(found).as("%s", cell).isEqualTo(model.getOrDefault(cell, new TreeMap<>()));
  }

  private static String text(ValueChunks values) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < values.chunks(); i++) {
      byte[] chunk = Arrays.copyOf(values.chunk(i), values.length(i));
      text.append(new String(chunk, StandardCharsets.UTF_8));
    }
    return text.toString();
  }

  @Property(tries = 60)
  void holdsWhatANaiveModelHoldsInAnyMemory(
      @ForAll long seed, @ForAll @IntRange(max = 60_000) int memory) {
    model.clear();
    Random random = new Random(seed);
    MemoryBudget budget = new MemoryBudget(memory);
    PagingStateStorage storage = new PagingStateStorage(budget, files);
    for (int step = 0; step < 3000; step++) {
      StateAddress cell = address(random.nextInt(2), random.nextInt(3), random.nextInt(200));
      ByteKey entry = bytes("e".repeat(random.nextInt(3)));
      int length = random.nextInt(50) == 0 ? random.nextInt(9000) : random.nextInt(20);
      switch (random.nextInt(200)) {
        case 0 -> {
          storage.remove(cell.window());
          model.keySet().removeIf(other -> other.window().equals(cell.window()));
        }
        case 1, 2, 3 -> {
          storage.remove(cell.window(), cell.key());
          model
              .keySet()
              .removeIf(
                  other -> other.window().equals(cell.window()) && other.key().equals(cell.key()));
        }
        case 4, 5, 6, 7, 8, 9 -> clear(storage, cell);
        case 10, 11, 12, 13 -> clear(storage, cell, entry);
        default -> append(storage, cell, entry, step + "x".repeat(length));
      }
      assertHolds(storage, address(random.nextInt(2), random.nextInt(3), random.nextInt(200)));
    }
    model.keySet().forEach(cell -> assertHolds(storage, cell));
    storage.close();
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void manySmallCellsTakeLittleMemory() {
    int keys = 100_000;
    MemoryBudget budget = new MemoryBudget(1 << 20);
    PagingStateStorage storage = new PagingStateStorage(budget, files);
    for (int round = 0; round < 2; round++) {
      for (int key = 0; key < keys; key++) {
        append(storage, address(0, 0, key), ByteKey.empty(), "value" + round);
      }
    }
    // 16 bytes a place, and at least a third of the places in use.
    assertThat(budget.reserved()).isLessThan((1 << 20) + 48L * keys);
    for (int key = 0; key < keys; key += 7) {
      assertHolds(storage, address(0, 0, key));
    }
    storage.remove(bytes("w0"));
    storage.close();
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void anIdleCellGoesBeforeOneThatIsChangedAgainAndAgain() {
    MemoryBudget budget = new MemoryBudget(200_000);
    PagingStateStorage storage = new PagingStateStorage(budget, files);
    StateAddress busy = address(0, 0, -1);
    append(storage, busy, ByteKey.empty(), "busy");
    NavigableMap<ByteKey, ValueChunks> inMemory = storage.entries(busy);
    for (int key = 0; key < 2000; key++) {
      append(storage, address(0, 0, key), ByteKey.empty(), "idle");
      append(storage, busy, ByteKey.empty(), ".");
    }
    assertThat(storage.entries(busy)).isSameAs(inMemory);
    assertThat(storage.entries(address(0, 0, 0)))
        .as("read from disk each time")
        .isNotSameAs(storage.entries(address(0, 0, 0)));
    assertHolds(storage, address(0, 0, 0));
    storage.close();
  }
}
