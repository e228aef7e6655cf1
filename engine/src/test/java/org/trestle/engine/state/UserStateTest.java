package org.trestle.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.trestle.engine.state.TestingStateKeys.append;
import static org.trestle.engine.state.TestingStateKeys.bag;
import static org.trestle.engine.state.TestingStateKeys.clear;
import static org.trestle.engine.state.TestingStateKeys.get;
import static org.trestle.engine.state.TestingStateKeys.list;
import static org.trestle.engine.state.TestingStateKeys.map;
import static org.trestle.engine.state.TestingStateKeys.mapEntries;
import static org.trestle.engine.state.TestingStateKeys.mapKeys;
import static org.trestle.engine.state.TestingStateKeys.read;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.shuffle.TestingElements;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.WireFormatException;

class UserStateTest {
  private final MemoryBudget budget = new MemoryBudget(1 << 20);
  private final SpillFiles files = TestingElements.files();
  private final UserState state =
      new UserState((transform, name) -> TestingElements.BYTES, budget, files, 1);

  /** What a key's three states hold. */
  private static final class Model {
    private final List<String> bag = new ArrayList<>();
    private final NavigableMap<Integer, List<String>> map = new TreeMap<>();
    private final NavigableMap<Long, List<String>> list = new TreeMap<>();

    Model copy() {
      Model copy = new Model();
      copy.bag.addAll(bag);
      map.forEach((key, values) -> copy.map.put(key, new ArrayList<>(values)));
      list.forEach((key, values) -> copy.list.put(key, new ArrayList<>(values)));
      return copy;
    }
  }

  @Property(tries = 300)
  void holdsWhatANaiveModelHolds(
      @ForAll @Size(max = 60) List<@IntRange(max = 999_999) Integer> steps,
      @ForAll @IntRange(max = 40) int pageBytes) {
    MemoryBudget memory = new MemoryBudget(1 << 20);
    UserState tested =
        new UserState((transform, name) -> TestingElements.BYTES, memory, files, pageBytes);
    Model committed = new Model();
    Model current = committed.copy();
    UserState.Lease lease = tested.open();
    for (int step : steps) {
      switch (step % 12) {
        case 0 -> {
          lease.commit();
          committed = current;
          current = committed.copy();
          lease = tested.open();
        }
        case 1 -> {
          lease.discard();
          current = committed.copy();
          lease = tested.open();
        }
        default -> change(lease, current, step);
      }
      assertHolds(lease, current);
    }
    lease.discard();
    UserState.Lease last = tested.open();
    assertHolds(last, committed);
    last.discard();
    tested.remove(ByteKey.wrap("w".getBytes(StandardCharsets.UTF_8)));
    assertThat(memory.reserved()).isZero();
  }

  private static void change(UserState.Lease lease, Model model, int step) {
    int number = step / 12 % 5;
    long sort = step / 60 % 9 - 4L;
    String value = "v".repeat(step / 540 % 30) + step;
    ByteString encoded = ByteString.copyFrom(TestingElements.prefixed(value));
    switch (step % 12) {
      case 2, 3 -> {
        lease.handle(append(bag("w", "k"), encoded));
        model.bag.add(value);
      }
      case 4 -> {
        lease.handle(clear(bag("w", "k")));
        model.bag.clear();
      }
      case 5, 6 -> {
        lease.handle(append(map("w", "k", mapKey(number)), encoded));
        model.map.computeIfAbsent(number, any -> new ArrayList<>()).add(value);
      }
      case 7 -> {
        lease.handle(clear(map("w", "k", mapKey(number))));
        model.map.remove(number);
      }
      case 8 -> {
        lease.handle(clear(step / 12 % 2 == 0 ? mapKeys("w", "k") : mapEntries("w", "k")));
        model.map.clear();
      }
      case 9, 10 -> {
        lease.handle(append(list("w", "k"), listEntry(sort, value)));
        model.list.computeIfAbsent(sort, any -> new ArrayList<>()).add(value);
      }
      default -> {
        lease.handle(clear(list("w", "k", sort, sort + number)));
        model.list.subMap(sort, true, sort + number, false).clear();
      }
    }
  }

  private static void assertHolds(UserState.Lease lease, Model model) {
    assertThat(read(lease, bag("w", "k"))).isEqualTo(joined(model.bag));
    ByteSink keys = new ByteSink();
    ByteSink entries = new ByteSink();
    model.map.forEach(
        (key, values) -> {
          keys.put(mapKey(key));
          entries.put(mapKey(key)).putInt(values.size()).put(joined(values));
        });
    assertThat(read(lease, mapKeys("w", "k"))).isEqualTo(keys.toByteString());
    assertThat(read(lease, mapEntries("w", "k"))).isEqualTo(entries.toByteString());
    for (int key = 0; key < 5; key++) {
      assertThat(read(lease, map("w", "k", mapKey(key))))
          .isEqualTo(joined(model.map.getOrDefault(key, List.of())));
    }
    assertThat(read(lease, list("w", "k"))).isEqualTo(listBytes(model.list));
    assertThat(read(lease, list("w", "k", Long.MIN_VALUE, Long.MAX_VALUE)))
        .isEqualTo(listBytes(model.list));
    assertThat(read(lease, list("w", "k", -2, 3)))
        .isEqualTo(listBytes(model.list.subMap(-2L, true, 3L, false)));
  }

  private static ByteString listBytes(NavigableMap<Long, List<String>> list) {
    ByteString.Output all = ByteString.newOutput();
    list.forEach(
        (sort, values) -> values.forEach(value -> listEntry(sort, value).forEach(all::write)));
    return all.toByteString();
  }

  private static ByteString listEntry(long sort, String value) {
    return new ByteSink().putVarInt(sort).put(TestingElements.prefixed(value)).toByteString();
  }

  private static ByteString mapKey(int number) {
    return ByteString.copyFrom(TestingElements.prefixed("m".repeat(number)));
  }

  private static ByteString joined(List<String> values) {
    ByteSink sink = new ByteSink();
    values.forEach(value -> sink.put(TestingElements.prefixed(value)));
    return sink.toByteString();
  }

  @Test
  void changesAreSeenByTheirLeaseOnlyUntilTheCommit() {
    UserState.Lease one = state.open();
    UserState.Lease other = state.open();
    one.handle(append(bag("w", "a"), ByteString.copyFromUtf8("x")));
    other.handle(append(bag("w", "b"), ByteString.copyFromUtf8("y")));

    assertThat(read(other, bag("w", "a"))).isEmpty();
    one.commit();
    assertThat(read(other, bag("w", "a")).toStringUtf8()).isEqualTo("x");
    other.discard();
    assertThat(read(state.open(), bag("w", "b"))).isEmpty();
  }

  @Test
  void keysAndWindowsAreApart() {
    UserState.Lease lease = state.open();
    lease.handle(append(bag("w1", "k"), ByteString.copyFromUtf8("1")));
    lease.handle(append(bag("w2", "k"), ByteString.copyFromUtf8("2")));
    lease.handle(append(bag("w2", "j"), ByteString.copyFromUtf8("3")));
    lease.commit();

    state.remove(utf8("w2"), utf8("j"));
    assertThat(read(state.open(), bag("w2", "j"))).isEmpty();
    assertThat(read(state.open(), bag("w2", "k")).toStringUtf8()).isEqualTo("2");
    state.remove(utf8("w2"));
    assertThat(read(state.open(), bag("w2", "k"))).isEmpty();
    assertThat(read(state.open(), bag("w1", "k")).toStringUtf8()).isEqualTo("1");
    state.close();
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void manyAppendsKeepTheirOrderAcrossChunks() {
    UserState large = new UserState((transform, name) -> null, budget, files, 100_000);
    ByteSink expected = new ByteSink();
    for (int bundle = 0; bundle < 4; bundle++) {
      UserState.Lease lease = large.open();
      for (int i = 0; i < 3000; i++) {
        ByteString value = ByteString.copyFrom(TestingElements.prefixed("value-" + i));
        expected.put(value);
        lease.handle(append(bag("w", "k"), value));
      }
      lease.commit();
    }
    assertThat(read(large.open(), bag("w", "k"))).isEqualTo(expected.toByteString());
    large.close();
    assertThat(budget.reserved()).isZero();
  }

  @Test
  void largeValuesGoToDiskWhenThereIsNoMemory() {
    MemoryBudget none = new MemoryBudget(0);
    UserState large = new UserState((transform, name) -> null, none, files, 100_000);
    ByteSink bag = new ByteSink();
    ByteSink entry = new ByteSink();
    for (int bundle = 0; bundle < 5; bundle++) {
      UserState.Lease lease = large.open();
      for (int i = 0; i < 200; i++) {
        ByteString value =
            ByteString.copyFrom(TestingElements.prefixed(bundle + "value".repeat(200) + i));
        bag.put(value);
        lease.handle(append(bag("w", "k"), value));
        if (i < 30) {
          entry.put(value);
          lease.handle(append(map("w", "k", mapKey(1)), value));
        }
      }
      lease.handle(append(map("w", "k", mapKey(2)), ByteString.copyFromUtf8("small")));
      lease.commit();
    }
    assertThat(files.bytesOnDisk()).as("compressed").isPositive();
    assertThat(none.reserved()).isLessThan(20_000);

    UserState.Lease lease = large.open();
    assertThat(read(lease, bag("w", "k"))).isEqualTo(bag.toByteString());
    assertThat(read(lease, map("w", "k", mapKey(1)))).isEqualTo(entry.toByteString());
    lease.handle(clear(map("w", "k", mapKey(1))));
    lease.handle(append(map("w", "k", mapKey(1)), ByteString.copyFromUtf8("again")));
    lease.commit();
    assertThat(read(large.open(), map("w", "k", mapKey(1))).toStringUtf8()).isEqualTo("again");

    large.remove(utf8("w"), utf8("k"));
    assertThat(read(large.open(), bag("w", "k"))).isEmpty();
    large.close();
    assertThat(none.reserved()).isZero();
    files.close();
  }

  @Test
  void aMapHasOneValueForAKeyWhateverItsCoder() {
    UserState maps = new UserState((transform, name) -> StateFormats.ONE_VALUE, budget, files, 1);
    UserState.Lease first = maps.open();
    first.handle(append(map("w", "k", mapKey(1)), ByteString.copyFromUtf8("old")));
    first.commit();
    UserState.Lease lease = maps.open();
    lease.handle(clear(map("w", "k", mapKey(1))));
    lease.handle(append(map("w", "k", mapKey(1)), ByteString.copyFromUtf8("of any coder")));

    assertThat(read(lease, mapEntries("w", "k")))
        .isEqualTo(
            new ByteSink()
                .put(mapKey(1))
                .putInt(1)
                .put(ByteString.copyFromUtf8("of any coder"))
                .toByteString());
  }

  @Test
  void keysMayBeClearedWhileTheyAreRead() {
    UserState.Lease lease = state.open();
    for (int key = 1; key < 4; key++) {
      lease.handle(append(map("w", "k", mapKey(key)), ByteString.copyFromUtf8("x")));
    }
    var page = lease.handle(get(mapKeys("w", "k"), ByteString.EMPTY)).getGet();
    assertThat(page.getData()).isEqualTo(mapKey(1));
    lease.handle(clear(map("w", "k", mapKey(1))));
    lease.handle(clear(map("w", "k", mapKey(2))));

    page = lease.handle(get(mapKeys("w", "k"), page.getContinuationToken())).getGet();

    assertThat(page.getData()).isEqualTo(mapKey(3));
    assertThat(page.getContinuationToken()).isEmpty();
  }

  @Test
  void aMapKeyWithValuesOfNoBytesIsThere() {
    UserState.Lease lease = state.open();
    lease.handle(append(map("w", "k", mapKey(1)), ByteString.EMPTY));
    assertThat(read(lease, mapKeys("w", "k"))).isEqualTo(mapKey(1));
    assertThat(read(lease, mapEntries("w", "k")))
        .isEqualTo(mapKey(1).concat(new ByteSink().putInt(1).toByteString()));
  }

  @Test
  void anEndedLeaseAnswersNothing() {
    UserState.Lease lease = state.open();
    lease.commit();
    lease.discard();
    assertThatThrownBy(() -> read(lease, bag("w", "k"))).isInstanceOf(StateRequestException.class);
    assertThatThrownBy(lease::commit).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void unknownKindsFailThatRequestOnly() {
    UserState.Lease lease = state.open();
    StateKey unknown =
        StateKey.newBuilder().setRunner(StateKey.Runner.getDefaultInstance()).build();
    assertThatThrownBy(() -> lease.handle(get(unknown, ByteString.EMPTY)))
        .isInstanceOf(StateRequestException.class)
        .hasMessageContaining("RUNNER");
    assertThatThrownBy(() -> lease.handle(append(mapKeys("w", "k"), ByteString.EMPTY)))
        .isInstanceOf(StateRequestException.class);
    assertThat(read(lease, bag("w", "k"))).isEmpty();
  }

  @Test
  void aMalformedListEntryLeavesNoTrace() {
    UserState.Lease lease = state.open();
    ByteString twoButCutOff = listEntry(1, "a").concat(listEntry(2, "abc").substring(0, 3));
    assertThatThrownBy(() -> lease.handle(append(list("w", "k"), twoButCutOff)))
        .isInstanceOf(WireFormatException.class);
    assertThat(read(lease, list("w", "k"))).isEmpty();
  }

  @Test
  void refusesTokensThatAreNotItsOwn() {
    UserState.Lease lease = state.open();
    lease.handle(append(map("w", "k", mapKey(1)), ByteString.copyFromUtf8("x")));
    lease.handle(append(map("w", "k", mapKey(2)), ByteString.copyFromUtf8("y")));
    ByteString token =
        lease.handle(get(mapKeys("w", "k"), ByteString.EMPTY)).getGet().getContinuationToken();
    assertThat(token).isNotEmpty();
    for (ByteString bad : List.of(ByteString.copyFromUtf8("?"), token.substring(1), token)) {
      assertThatThrownBy(() -> lease.handle(get(bag("w", "k"), bad)))
          .isInstanceOf(StateRequestException.class)
          .hasMessageContaining("continuation token");
    }
  }

  private static ByteKey utf8(String text) {
    return ByteKey.wrap(text.getBytes(StandardCharsets.UTF_8));
  }
}
