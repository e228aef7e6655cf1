package org.trestle.benchmark;

import java.util.List;
import java.util.stream.IntStream;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.VarIntCoder;
import org.apache.beam.sdk.options.DefaultValueFactory;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.transforms.Count;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.FlatMapElements;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.transforms.Sum;
import org.apache.beam.sdk.transforms.Values;
import org.apache.beam.sdk.transforms.View;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.apache.beam.sdk.values.TypeDescriptors;

/** All workloads. */
final class Catalogue {
  private static final int CHUNK = 1000;
  private static final int KEYS = 20_000;
  private static final int TABLE_ENTRIES = 2000;
  private static final int WORDS = 4000;
  private static final int VALUE_BYTES = 100;

  static final List<Workload> WORKLOADS =
      List.of(
          new Workload("startup", 1, "elements", Catalogue::startup),
          new Workload("wordcount", 1_000_000, "words", Catalogue::wordCount),
          new Workload("gbk", 500_000, "elements", Catalogue::groupByKey),
          new Workload("passthrough", 1_000_000, "elements", Catalogue::passthrough),
          new Workload("hotkey", 2_000_000, "elements", Catalogue::hotKey),
          new Workload("sideinput", 50_000, "elements", Catalogue::sideInput),
          new Workload("stateful", 100_000, "elements", Catalogue::stateful));

  private Catalogue() {}

  /** The names of all workloads. */
  public static final class AllNames implements DefaultValueFactory<List<String>> {
    @Override
    public List<String> create(PipelineOptions options) {
      return WORKLOADS.stream().map(Workload::name).toList();
    }
  }

  /** As many small seeds as there are chunks, so that elements are made in the harness. */
  private static final class Seeds extends PTransform<PBegin, PCollection<Integer>> {
    private final int chunks;

    Seeds(int size) {
      this.chunks = Math.max(1, size / CHUNK);
    }

    int elements() {
      return chunks * CHUNK;
    }

    @Override
    public PCollection<Integer> expand(PBegin begin) {
      return begin
          .apply(Create.of(IntStream.range(0, chunks).boxed().toList()))
          .apply(Reshuffle.viaRandomKey());
    }
  }

  private static <T> PTransform<PCollection<? extends Integer>, PCollection<T>> each(
      TypeDescriptor<T> type, SerializableFunction<Integer, T> element) {
    return FlatMapElements.into(type)
        .via(
            (Integer seed) ->
                () ->
                    IntStream.range(seed * CHUNK, (seed + 1) * CHUNK)
                        .mapToObj(element::apply)
                        .iterator());
  }

  private static void startup(Pipeline pipeline, int size) {
    pipeline
        .apply(Create.of(IntStream.range(0, size).boxed().toList()))
        .apply(MapElements.into(TypeDescriptors.longs()).via((Integer n) -> 1L))
        .apply(new ExpectSum(size));
  }

  private static void wordCount(Pipeline pipeline, int size) {
    Seeds seeds = new Seeds(size);
    pipeline
        .apply(seeds)
        .apply(each(TypeDescriptors.strings(), n -> "word" + n * 7919L % WORDS))
        .apply(Count.perElement())
        .apply(Values.create())
        .apply(new ExpectSum(seeds.elements()));
  }

  private static void groupByKey(Pipeline pipeline, int size) {
    Seeds seeds = new Seeds(size);
    pipeline
        .apply(seeds)
        .apply(
            each(
                new TypeDescriptor<KV<Integer, byte[]>>() {},
                n -> KV.of((int) (n * 7919L % KEYS), new byte[VALUE_BYTES])))
        .setCoder(KvCoder.of(VarIntCoder.of(), ByteArrayCoder.of()))
        .apply(GroupByKey.create())
        .apply(
            MapElements.into(TypeDescriptors.longs())
                .via(
                    (KV<Integer, Iterable<byte[]>> group) -> {
                      long bytes = 0;
                      for (byte[] value : group.getValue()) {
                        bytes += value.length;
                      }
                      return bytes;
                    }))
        .apply(new ExpectSum((long) seeds.elements() * VALUE_BYTES));
  }

  private static void passthrough(Pipeline pipeline, int size) {
    Seeds seeds = new Seeds(size);
    PCollection<Long> elements =
        pipeline.apply(seeds).apply(each(TypeDescriptors.longs(), n -> (long) n));
    for (int step = 0; step < 3; step++) {
      elements = elements.apply("reshuffle " + step, Reshuffle.viaRandomKey());
    }
    long count = seeds.elements();
    elements.apply(new ExpectSum(count * (count - 1) / 2));
  }

  private static void hotKey(Pipeline pipeline, int size) {
    Seeds seeds = new Seeds(size);
    pipeline
        .apply(seeds)
        .apply(
            each(
                new TypeDescriptor<KV<String, Long>>() {},
                n -> KV.of(n % 10 == 0 ? "cold" + n % 200 : "hot", 1L)))
        .apply(Sum.longsPerKey())
        .apply(Values.create())
        .apply(new ExpectSum(seeds.elements()));
  }

  private static void sideInput(Pipeline pipeline, int size) {
    var table =
        pipeline
            .apply("entries", Create.of(IntStream.range(0, TABLE_ENTRIES).boxed().toList()))
            .apply(
                MapElements.into(
                        TypeDescriptors.kvs(TypeDescriptors.integers(), TypeDescriptors.longs()))
                    .via((Integer n) -> KV.of(n, 1L)))
            .apply(View.asMap());
    Seeds seeds = new Seeds(size);
    pipeline
        .apply(seeds)
        .apply(each(TypeDescriptors.integers(), n -> n % TABLE_ENTRIES))
        .apply(ParDo.of(new LookUp(table)).withSideInputs(table))
        .apply(new ExpectSum(seeds.elements()));
  }

  private static void stateful(Pipeline pipeline, int size) {
    Seeds seeds = new Seeds(size);
    pipeline
        .apply(seeds)
        .apply(each(new TypeDescriptor<KV<String, Long>>() {}, n -> KV.of("key" + n % CHUNK, 1L)))
        .apply(ParDo.of(new SumPerKey()))
        .apply(new ExpectSum(seeds.elements()));
  }
}
