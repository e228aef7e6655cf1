package org.trestle.engine.shuffle;

import com.google.protobuf.ByteString;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.Random;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;
import org.trestle.fn.wire.ByteSink;

/** Measures the way of 200,000 values of 100 bytes over 20,000 keys through a grouping. */
public final class GroupTableBenchmark {
  private static final int VALUES = 200_000;
  private static final int KEYS = 20_000;
  private static final int KEY_GROUPS = 64;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private GroupTableBenchmark() {}

  /** Runs it 20 times and prints milliseconds of processor time and memory of each. */
  public static void main(String[] arguments) {
    ByteString data = data();
    System.out.println("data: " + data.size() + " bytes");
    for (int run = 0; run < 20; run++) {
      run(data);
    }
  }

  private static ByteString data() {
    Random random = new Random(7);
    ByteSink sink = new ByteSink(VALUES * 130);
    byte[] value = TestingElements.prefixed("x".repeat(100));
    for (int i = 0; i < VALUES; i++) {
      byte[] key = TestingElements.prefixed("key-" + random.nextInt(KEYS));
      TestingElements.write(sink, i, List.of(ByteKey.empty()), key, value);
    }
    return sink.toByteString();
  }

  private static void run(ByteString data) {
    EdgeFormat format = TestingElements.keyedGlobal();
    MemoryBudget budget = new MemoryBudget(1L << 30);
    try (SpillFiles files = TestingElements.files();
        BlockStore store = new BlockStore(budget, files);
        GroupTable table =
            new GroupTable(
                new Grouping(format, OutputTime.END_OF_WINDOW, null), KEY_GROUPS, budget, files)) {
      long start = THREADS.getCurrentThreadCpuTime();
      EdgeWriter input =
          new EdgeWriter(new EdgeTarget(new EdgeId("in"), format, 0, 1, KEY_GROUPS), store);
      input.append(data);
      EdgeOutput elements = input.finish();
      long written = THREADS.getCurrentThreadCpuTime();
      elements.keyed().forEach(part -> table.add(part.keyGroup(), part.block()));
      elements.keyed().forEach(part -> store.release(part.block()));
      long grouped = THREADS.getCurrentThreadCpuTime();
      long held = budget.reserved();
      long bytes = 0;
      for (int keyGroup = 0; keyGroup < KEY_GROUPS; keyGroup++) {
        EdgeWriter output =
            new EdgeWriter(new EdgeTarget(new EdgeId("out"), format, 1, 0, 0), store);
        table.drain(keyGroup, output);
        bytes += output.bytes();
        output.finish();
        output.discard();
      }
      long drained = THREADS.getCurrentThreadCpuTime();
      System.out.printf(
          "partition %3d ms, group %3d ms, give out %3d ms; held %.2f of the data; out %d bytes%n",
          (written - start) / 1_000_000,
          (grouped - written) / 1_000_000,
          (drained - grouped) / 1_000_000,
          (double) held / data.size(),
          bytes);
    }
  }
}
