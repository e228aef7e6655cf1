package org.trestle.benchmark.micro;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.trestle.engine.core.bundle.EdgeId;
import org.trestle.engine.core.bundle.EdgeOutput;
import org.trestle.engine.shuffle.BlockStore;
import org.trestle.engine.shuffle.EdgeFormat;
import org.trestle.engine.shuffle.EdgeTarget;
import org.trestle.engine.shuffle.EdgeWriter;
import org.trestle.engine.shuffle.GroupTable;
import org.trestle.engine.shuffle.Grouping;
import org.trestle.engine.shuffle.MemoryBudget;
import org.trestle.engine.shuffle.SpillFiles;
import org.trestle.engine.windowing.WindowingStrategySpec.OutputTime;

/** The way of elements into and through a grouping, in memory; figures are per element. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ShuffleBenchmark {
  private static final int ELEMENTS = 100_000;
  private static final int KEY_GROUPS = 32;
  private static final EdgeFormat FORMAT = SampleElements.FORMAT;

  /** Few keys are long groups, many keys a large table. */
  @Param({"100", "50000"})
  public int keys;

  private ByteString elements = ByteString.EMPTY;
  private final MemoryBudget budget = new MemoryBudget(1L << 30);
  private final SpillFiles files =
      new SpillFiles(Path.of(System.getProperty("java.io.tmpdir"), "trestle-benchmark-spill"));
  private final BlockStore store = new BlockStore(budget, files);

  /** Makes the elements. */
  @Setup(Level.Trial)
  public void make() {
    elements = SampleElements.of(ELEMENTS, keys);
  }

  /** Frees all. */
  @TearDown(Level.Trial)
  public void close() {
    store.close();
    files.close();
  }

  /** Parting by key group what a harness has sent. */
  @Benchmark
  @OperationsPerInvocation(ELEMENTS)
  public int partition() {
    EdgeOutput parts = partitioned();
    parts.keyed().forEach(part -> store.release(part.block()));
    return parts.keyed().size();
  }

  /** The same, then grouping, then giving out the groups. */
  @Benchmark
  @OperationsPerInvocation(ELEMENTS)
  public long group() {
    try (GroupTable table =
        new GroupTable(
            new Grouping(FORMAT, OutputTime.END_OF_WINDOW, null), KEY_GROUPS, budget, files)) {
      EdgeOutput parts = partitioned();
      parts.keyed().forEach(part -> table.add(part.keyGroup(), part.block()));
      parts.keyed().forEach(part -> store.release(part.block()));
      long bytes = 0;
      for (int keyGroup = 0; keyGroup < KEY_GROUPS; keyGroup++) {
        EdgeWriter output =
            new EdgeWriter(new EdgeTarget(new EdgeId("groups"), FORMAT, 1, 0, 0), store);
        table.drain(keyGroup, output);
        bytes += output.bytes();
        output.discard();
      }
      return bytes;
    }
  }

  private EdgeOutput partitioned() {
    EdgeWriter writer =
        new EdgeWriter(new EdgeTarget(new EdgeId("elements"), FORMAT, 0, 1, KEY_GROUPS), store);
    writer.append(elements);
    return writer.finish();
  }
}
