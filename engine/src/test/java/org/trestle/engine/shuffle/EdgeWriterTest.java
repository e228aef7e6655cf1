package org.trestle.engine.shuffle;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.bundle.EdgeOutput.KeyGroupBlock;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;

class EdgeWriterTest {
  private static final EdgeFormat FORMAT = TestingElements.keyedGlobal();
  private static final int VALUE_BYTES = 100_000;

  private final SpillFiles files = TestingElements.files();

  @AfterEach
  void removeFiles() {
    files.close();
  }

  private static EdgeWriter writer(BlockStore store) {
    return new EdgeWriter(new EdgeTarget(new EdgeId("edge"), FORMAT, 0, 1, 4), store);
  }

  private static ByteString element(int number) {
    ByteSink sink = new ByteSink();
    TestingElements.write(
        sink,
        0,
        List.of(ByteKey.empty()),
        TestingElements.prefixed("k" + number),
        TestingElements.prefixed("v".repeat(VALUE_BYTES)));
    return sink.toByteString();
  }

  private static Map<Integer, ByteString> byKeyGroup(EdgeOutput output) {
    Map<Integer, ByteString> result = new TreeMap<>();
    for (KeyGroupBlock block : output.keyed()) {
      result.merge(block.keyGroup(), ((EncodedBlock) block.block()).data(), ByteString::concat);
    }
    return result;
  }

  @Test
  void countsWhatARunningBundleHasWritten() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    try (BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter writer = writer(store);

      writer.append(element(1));
      assertThat(budget.reserved()).isGreaterThanOrEqualTo(VALUE_BYTES);
      writer.append(element(2));
      assertThat(budget.reserved()).isGreaterThanOrEqualTo(2L * VALUE_BYTES);

      writer.discard();
      assertThat(budget.reserved()).isZero();
    }
  }

  @Test
  void countsAfterItsEndOnlyWhatItGaveOut() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    try (BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter writer = writer(store);
      writer.append(element(1));

      EdgeOutput output = writer.finish();
      assertThat(budget.reserved()).isBetween((long) VALUE_BYTES, VALUE_BYTES + 10_000L);

      output.keyed().forEach(block -> store.release(block.block()));
      assertThat(budget.reserved()).isZero();
    }
  }

  @Test
  void makesRoomOnceForWhatIsExpected() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    try (BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter writer = writer(store);
      writer.expect(3L * element(1).size());

      writer.append(element(1));
      long reserved = budget.reserved();
      assertThat(reserved).isEqualTo(3L * element(1).size());
      writer.append(element(2));
      writer.append(element(3));
      assertThat(budget.reserved()).isEqualTo(reserved);

      writer.expect(1L << 40);
      writer.append(element(4));
      assertThat(budget.reserved()).as("a full array").isEqualTo(4 << 20);
      writer.discard();
    }
  }

  @Test
  void holdsLittleWhereMemoryIsLittle() {
    MemoryBudget budget = new MemoryBudget(4 << 20);
    try (BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter writer = writer(store);

      for (int number = 0; number < 200; number++) {
        writer.append(element(number));
        assertThat(budget.reserved()).isLessThan(6 << 20);
      }
      writer.discard();
    }
  }

  @Test
  void holdsLittleWhileOthersHoldTooMuch() {
    MemoryBudget budget = new MemoryBudget(256 << 20);
    try (BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter writer = writer(store);
      for (int number = 0; number < 20; number++) {
        writer.append(element(number));
      }
      long others = budget.limit();
      budget.reserve(others);

      for (int number = 0; number < 200; number++) {
        writer.append(element(number));
        if (number > 0) {
          assertThat(budget.reserved() - others).isLessThan(1 << 20);
        }
      }
      EdgeOutput output = writer.finish();

      assertThat(budget.reserved() - others).isLessThan(1 << 20);
      assertThat(output.keyed().stream().mapToInt(block -> block.block().count()).sum())
          .isEqualTo(220);
      budget.release(others);
    }
  }

  @Test
  void ordersWhatComesInOneArrayAsWhatComesInPieces() {
    ByteString all = ByteString.EMPTY;
    for (int number = 0; number < 60; number++) {
      all = all.concat(element(number));
    }
    byte[] array = new byte[all.size() + 20];
    all.copyTo(array, 7);
    ByteString inOneArray = ByteString.copyFrom(array).substring(7, 7 + all.size());
    MemoryBudget budget = new MemoryBudget(1 << 30);
    try (BlockStore store = new BlockStore(budget, files)) {
      EdgeWriter pieces = writer(store);
      for (int number = 0; number < 60; number++) {
        pieces.append(element(number));
      }
      Map<Integer, ByteString> wanted = byKeyGroup(pieces.finish());
      long before = budget.reserved();

      EdgeWriter whole = writer(store);
      whole.append(inOneArray);
      assertThat(budget.reserved() - before).isBetween((long) all.size(), all.size() + 10_000L);
      assertThat(whole.bytes()).isEqualTo(all.size());
      assertThat(whole.elements()).isEqualTo(60);
      assertThat(byKeyGroup(whole.finish())).isEqualTo(wanted);

      EdgeWriter after = writer(store);
      after.append(element(0));
      after.append(all.substring(element(0).size()));
      assertThat(byKeyGroup(after.finish())).isEqualTo(wanted);
    }
  }
}
