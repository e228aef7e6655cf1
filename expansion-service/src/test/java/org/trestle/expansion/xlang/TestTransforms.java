package org.trestle.expansion.xlang;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.coders.IterableCoder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.ExternalTransformBuilder;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Partition;
import org.apache.beam.sdk.transforms.Sum;
import org.apache.beam.sdk.transforms.View;
import org.apache.beam.sdk.transforms.join.CoGbkResult;
import org.apache.beam.sdk.transforms.join.CoGroupByKey;
import org.apache.beam.sdk.transforms.join.KeyedPCollectionTuple;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.PCollectionView;
import org.apache.beam.sdk.values.PInput;
import org.apache.beam.sdk.values.POutput;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TypeDescriptors;

/** Registers one transform for each of Beam's model transforms. */
public final class TestTransforms implements ExternalTransformRegistrar {
  private static final String URN = "beam:transforms:xlang:test:";

  @Override
  public Map<String, ExternalTransformBuilder<?, ?, ?>> knownBuilderInstances() {
    return Map.of(
        URN + "prefix", new PrefixBuilder(),
        URN + "multi", new Plain(new Multi()),
        URN + "gbk", new Plain(GroupByKey.create()),
        URN + "cgbk", new Plain(new CoGroup()),
        URN + "comgl", new Plain(Sum.longsGlobally()),
        URN + "compk", new Plain(Sum.longsPerKey()),
        URN + "flatten", new Plain(new FlattenAll()),
        URN + "partition", new Plain(new EvenAndOdd()));
  }

  /** The configuration of transforms that have none. */
  public static final class Nothing {}

  /** Builds a transform without a configuration. */
  public static final class Plain implements ExternalTransformBuilder<Nothing, PInput, POutput> {
    private final PTransform<?, ?> transform;

    Plain(PTransform<?, ?> transform) {
      this.transform = transform;
    }

    @SuppressWarnings("unchecked") // the client knows what goes in and comes out
    @Override
    public PTransform<PInput, POutput> buildExternal(Nothing configuration) {
      return (PTransform<PInput, POutput>) transform;
    }
  }

  /** The configuration of {@link PrefixBuilder}. */
  public static final class PrefixConfiguration {
    private String data = "";

    public void setData(String data) {
      this.data = data;
    }
  }

  /** Builds a transform that puts a text before each element. */
  public static final class PrefixBuilder
      implements ExternalTransformBuilder<
          PrefixConfiguration, PCollection<? extends String>, PCollection<String>> {
    @Override
    public PTransform<PCollection<? extends String>, PCollection<String>> buildExternal(
        PrefixConfiguration configuration) {
      String prefix = configuration.data;
      return MapElements.into(TypeDescriptors.strings()).via((String element) -> prefix + element);
    }
  }

  /** Appends the one element of {@code side} to all others and to itself. */
  private static final class Multi extends PTransform<PCollectionTuple, PCollectionTuple> {
    @Override
    public PCollectionTuple expand(PCollectionTuple input) {
      PCollection<String> side = input.get(new TupleTag<String>("side"));
      PCollectionView<String> suffix = side.apply("Suffix", View.asSingleton());
      PCollection<String> main =
          PCollectionList.of(input.get(new TupleTag<String>("main1")))
              .and(input.get(new TupleTag<String>("main2")))
              .apply(Flatten.pCollections());
      return PCollectionTuple.of("main", append("Main", main, suffix))
          .and("side", append("Side", side, suffix));
    }

    private static PCollection<String> append(
        String name, PCollection<String> elements, PCollectionView<String> suffix) {
      return elements
          .apply(name, ParDo.of(new AppendFn(suffix)).withSideInputs(suffix))
          .setCoder(StringUtf8Coder.of());
    }
  }

  private static final class AppendFn extends DoFn<String, String> {
    private final PCollectionView<String> suffix;

    AppendFn(PCollectionView<String> suffix) {
      this.suffix = suffix;
    }

    @ProcessElement
    public void process(ProcessContext context) {
      context.output(context.element() + context.sideInput(suffix));
    }
  }

  /** Joins {@code col1} and {@code col2} into one list a key. */
  private static final class CoGroup
      extends PTransform<PCollectionTuple, PCollection<KV<Long, Iterable<String>>>> {
    // No classes of their own: a Java client, which lacks them, reads the coder of the joined
    // lists.
    private static final TupleTag<String> FIRST = new TupleTag<>("col1");
    private static final TupleTag<String> SECOND = new TupleTag<>("col2");

    @Override
    public PCollection<KV<Long, Iterable<String>>> expand(PCollectionTuple input) {
      PCollection<KV<Long, String>> first = input.get(new TupleTag<>("col1"));
      PCollection<KV<Long, String>> second = input.get(new TupleTag<>("col2"));
      return KeyedPCollectionTuple.of(FIRST, first)
          .and(SECOND, second)
          .apply(CoGroupByKey.create())
          .apply("Join", ParDo.of(new JoinFn()))
          .setCoder(KvCoder.of(VarLongCoder.of(), IterableCoder.of(StringUtf8Coder.of())));
    }

    private static final class JoinFn
        extends DoFn<KV<Long, CoGbkResult>, KV<Long, Iterable<String>>> {
      @ProcessElement
      public void process(
          @Element KV<Long, CoGbkResult> element,
          OutputReceiver<KV<Long, Iterable<String>>> output) {
        List<String> values = new ArrayList<>();
        element.getValue().getAll(FIRST).forEach(values::add);
        element.getValue().getAll(SECOND).forEach(values::add);
        output.output(KV.of(element.getKey(), values));
      }
    }
  }

  private static final class FlattenAll extends PTransform<PCollectionTuple, PCollection<Long>> {
    @SuppressWarnings("unchecked") // all inputs are of longs
    @Override
    public PCollection<Long> expand(PCollectionTuple input) {
      PCollectionList<Long> list = PCollectionList.empty(input.getPipeline());
      for (PCollection<?> each : input.getAll().values()) {
        list = list.and((PCollection<Long>) each);
      }
      return list.apply(Flatten.pCollections());
    }
  }

  /** Splits even numbers ({@code 0}) from odd ones ({@code 1}). */
  private static final class EvenAndOdd extends PTransform<PCollection<Long>, PCollectionTuple> {
    @Override
    public PCollectionTuple expand(PCollection<Long> input) {
      PCollectionList<Long> parts =
          input.apply(Partition.of(2, (element, count) -> (int) (element % count)));
      return PCollectionTuple.of("0", parts.get(0)).and("1", parts.get(1));
    }
  }
}
