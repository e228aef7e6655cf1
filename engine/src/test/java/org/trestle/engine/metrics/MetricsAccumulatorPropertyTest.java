package org.trestle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.function.Function;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.beam.model.pipeline.v1.MetricsApi.HistogramValue;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;

/** The accumulator against plain models, for any order and any grouping of bundles. */
class MetricsAccumulatorPropertyTest {
  private static final int BUCKETS = 8;

  /** The values that a bundle recorded for a metric. Doubles have whole values: exact sums. */
  record Report(String type, String name, List<Long> values) {
    MonitoringInfo info() {
      return expected(type, name, List.of(values));
    }
  }

  /**
   * What each type makes of the values of all bundles; a bundle's own payload is the same of one.
   */
  private static final Map<String, Function<List<List<Long>>, ByteString>> MODELS =
      Map.ofEntries(
          Map.entry("sum_int64", all -> longs(stats(all).getSum())),
          Map.entry("sum_double", all -> doubles(stats(all).getSum())),
          Map.entry(
              "distribution_int64",
              all ->
                  longs(
                      stats(all).getCount(),
                      stats(all).getSum(),
                      stats(all).getMin(),
                      stats(all).getMax())),
          Map.entry(
              "distribution_double",
              all ->
                  longs(stats(all).getCount())
                      .concat(
                          doubles(stats(all).getSum(), stats(all).getMin(), stats(all).getMax()))),
          Map.entry(
              "latest_int64",
              all -> longs(Math.floorDiv(stats(all).getMax(), 4), stats(all).getMax())),
          Map.entry(
              "latest_double",
              all ->
                  longs(Math.floorDiv(stats(all).getMax(), 4))
                      .concat(doubles(stats(all).getMax()))),
          Map.entry("top_n_int64", all -> longList(first(all, Comparator.reverseOrder()))),
          Map.entry("bottom_n_int64", all -> longList(first(all, Comparator.naturalOrder()))),
          Map.entry("top_n_double", all -> doubleList(first(all, Comparator.reverseOrder()))),
          Map.entry("bottom_n_double", all -> doubleList(first(all, Comparator.naturalOrder()))),
          Map.entry("set_string", MetricsAccumulatorPropertyTest::strings),
          Map.entry("histogram_int64", MetricsAccumulatorPropertyTest::histogram));

  private static LongSummaryStatistics stats(List<List<Long>> all) {
    return all.stream().flatMap(List::stream).mapToLong(value -> value).summaryStatistics();
  }

  private static List<Long> first(List<List<Long>> all, Comparator<Long> order) {
    int n = all.stream().mapToInt(List::size).max().orElse(0);
    return all.stream().flatMap(List::stream).sorted(order).limit(n).toList();
  }

  private static ByteString longs(long... values) {
    PayloadWriter out = new PayloadWriter();
    for (long value : values) {
      out = out.varint(value);
    }
    return out.payload();
  }

  private static ByteString doubles(long... values) {
    PayloadWriter out = new PayloadWriter();
    for (long value : values) {
      out = out.float64((double) value);
    }
    return out.payload();
  }

  private static ByteString longList(List<Long> values) {
    PayloadWriter out = new PayloadWriter();
    return out.iterable(values, out::varint).payload();
  }

  private static ByteString doubleList(List<Long> values) {
    PayloadWriter out = new PayloadWriter();
    return out.iterable(values, value -> out.float64(value.doubleValue())).payload();
  }

  private static ByteString strings(List<List<Long>> all) {
    Collection<String> strings = new TreeSet<>();
    all.forEach(values -> values.forEach(value -> strings.add("string " + value)));
    PayloadWriter out = new PayloadWriter();
    return out.iterable(strings, out::string).payload();
  }

  private static ByteString histogram(List<List<Long>> all) {
    long[] counts = new long[BUCKETS];
    all.forEach(values -> values.forEach(value -> counts[Math.floorMod(value, BUCKETS)]++));
    HistogramValue.Builder histogram = HistogramValue.newBuilder().setCount(stats(all).getCount());
    histogram.getBucketOptionsBuilder().getLinearBuilder().setNumberOfBuckets(BUCKETS).setWidth(1);
    for (long count : counts) {
      histogram.addBucketCounts(count);
    }
    return histogram.build().toByteString();
  }

  private static MonitoringInfo expected(String type, String name, List<List<Long>> all) {
    Function<List<List<Long>>, ByteString> model = MODELS.get(type);
    if (model == null) {
      throw new AssertionError(type);
    }
    return Metrics.metric("beam:metrics:" + type + ":v1", name, model.apply(all));
  }

  @Provide
  Arbitrary<List<List<Report>>> bundles() {
    Arbitrary<Long> values =
        Arbitraries.oneOf(
            Arbitraries.longs().between(-9, 9), Arbitraries.longs().between(-1_000_000, 1_000_000));
    Arbitrary<Report> reports =
        Combinators.combine(
                Arbitraries.of(new TreeSet<>(MODELS.keySet())),
                Arbitraries.of("a", "b"),
                values.list().ofMinSize(1).ofMaxSize(5))
            .as(Report::new);
    return reports.list().ofMaxSize(6).list().ofMaxSize(8);
  }

  @Property
  void addsUpLikeTheModels(@ForAll("bundles") List<List<Report>> bundles) {
    MetricsAccumulator metrics = new MetricsAccumulator();

    bundles.forEach(bundle -> metrics.add(bundle.stream().map(Report::info).toList()));

    Map<List<String>, List<List<Long>>> byMetric = new HashMap<>();
    for (List<Report> bundle : bundles) {
      for (Report report : bundle) {
        byMetric
            .computeIfAbsent(List.of(report.type, report.name), key -> new ArrayList<>())
            .add(report.values);
      }
    }
    List<MonitoringInfo> expected = new ArrayList<>();
    byMetric.forEach((key, all) -> expected.add(expected(key.get(0), key.get(1), all)));
    assertThat(metrics.snapshot()).containsExactlyInAnyOrderElementsOf(expected);
    assertThat(metrics.dropped()).isZero();
  }

  @Property
  void doesNotDependOnOrderOrGrouping(
      @ForAll("bundles") List<List<Report>> bundles, @ForAll Random random) {
    MetricsAccumulator inOrder = new MetricsAccumulator();
    bundles.forEach(bundle -> inOrder.add(bundle.stream().map(Report::info).toList()));

    List<List<Report>> shuffled = new ArrayList<>(bundles);
    Collections.shuffle(shuffled, random);
    List<MetricsAccumulator> parts =
        List.of(new MetricsAccumulator(), new MetricsAccumulator(), new MetricsAccumulator());
    for (List<Report> bundle : shuffled) {
      parts.get(random.nextInt(3)).add(bundle.stream().map(Report::info).toList());
    }
    parts.get(1).addAll(parts.get(2));
    parts.get(0).addAll(parts.get(1));

    assertThat(parts.get(0).snapshot()).isEqualTo(inOrder.snapshot());
  }
}
