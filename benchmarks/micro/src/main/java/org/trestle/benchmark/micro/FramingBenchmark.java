package org.trestle.benchmark.micro;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.trestle.fn.control.BundleRequest;
import org.trestle.fn.data.BundleFeed;
import org.trestle.fn.data.Restartable;

/** Making and reading the messages that carry a bundle's elements; figures are per message. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class FramingBenchmark {
  private static final int BLOCKS = 8;
  private static final List<String> SOURCES = List.of("source");

  /** The size of a message. */
  @Param({"1024", "1048576"})
  public int bytes;

  private List<BundleRequest.Input> blocks = List.of();
  private ByteString encoded = ByteString.EMPTY;

  /** Makes the blocks and a message of them. */
  @Setup(Level.Trial)
  public void make() {
    ByteString block = ByteString.copyFrom(new byte[bytes / BLOCKS]);
    List<BundleRequest.Input> made = new ArrayList<>();
    for (int i = 0; i < BLOCKS; i++) {
      made.add(new BundleRequest.Elements(SOURCES.get(0), block));
    }
    blocks = made;
    encoded = ByteString.copyFrom(write());
  }

  /** From blocks to the bytes of a message. */
  @Benchmark
  public byte[] write() {
    Restartable inputs = new Restartable(blocks.iterator());
    BundleRequest request =
        new BundleRequest("", inputs, SOURCES, List.of(), Set.of(), List.of(), true);
    Elements message = BundleFeed.embed(inputs, "instruction", request, Integer.MAX_VALUE);
    if (message == null) {
      throw new IllegalStateException("the blocks do not fit");
    }
    return message.toByteArray();
  }

  /** From the bytes of a message to its blocks. */
  @Benchmark
  public long read() throws InvalidProtocolBufferException {
    long size = 0;
    for (Elements.Data data : Elements.parseFrom(encoded).getDataList()) {
      size += data.getData().size();
    }
    return size;
  }
}
