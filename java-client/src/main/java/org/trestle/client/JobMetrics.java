package org.trestle.client;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.beam.model.jobmanagement.v1.JobApi;
import org.apache.beam.model.pipeline.v1.MetricsApi;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrie;
import org.apache.beam.model.pipeline.v1.MetricsApi.BoundedTrieNode;
import org.apache.beam.model.pipeline.v1.MetricsApi.HistogramValue;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo.MonitoringInfoLabels;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfoSpecs;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.IterableCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.metrics.BoundedTrieResult;
import org.apache.beam.sdk.metrics.DistributionResult;
import org.apache.beam.sdk.metrics.GaugeResult;
import org.apache.beam.sdk.metrics.MetricFiltering;
import org.apache.beam.sdk.metrics.MetricKey;
import org.apache.beam.sdk.metrics.MetricName;
import org.apache.beam.sdk.metrics.MetricQueryResults;
import org.apache.beam.sdk.metrics.MetricResult;
import org.apache.beam.sdk.metrics.MetricResults;
import org.apache.beam.sdk.metrics.MetricsFilter;
import org.apache.beam.sdk.metrics.StringSetResult;
import org.apache.beam.sdk.util.HistogramData;
import org.joda.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A job's user metrics as the service reported them, attempted and committed. Immutable.
 *
 * <p>Steps have the names that they have in the pipeline, not the ids of its encoded form.
 */
final class JobMetrics extends MetricResults {
  private static final Logger LOG = LoggerFactory.getLogger(JobMetrics.class);
  private static final Coder<Iterable<String>> STRINGS = IterableCoder.of(StringUtf8Coder.of());

  private final Kind<Long> counters = new Kind<>(VarLongCoder.of()::decode);
  private final Kind<DistributionResult> distributions = new Kind<>(JobMetrics::distribution);
  private final Kind<GaugeResult> gauges = new Kind<>(JobMetrics::gauge);
  private final Kind<StringSetResult> stringSets = new Kind<>(JobMetrics::stringSet);
  private final Kind<BoundedTrieResult> tries = new Kind<>(JobMetrics::trie);
  private final Kind<HistogramData> histograms =
      new Kind<>(in -> new HistogramData(HistogramValue.parseFrom(in)));
  private final Map<String, Kind<?>> kinds =
      Map.of(
          urn(MonitoringInfoSpecs.Enum.USER_SUM_INT64), counters,
          urn(MonitoringInfoSpecs.Enum.USER_DISTRIBUTION_INT64), distributions,
          urn(MonitoringInfoSpecs.Enum.USER_LATEST_INT64), gauges,
          urn(MonitoringInfoSpecs.Enum.USER_SET_STRING), stringSets,
          urn(MonitoringInfoSpecs.Enum.USER_BOUNDED_TRIE), tries,
          urn(MonitoringInfoSpecs.Enum.USER_HISTOGRAM), histograms);

  /** Reads a report; steps are named by a map from transform ids, or by their id if it has none. */
  JobMetrics(JobApi.MetricResults report, Map<String, String> stepNames) {
    for (MonitoringInfo info : report.getAttemptedList()) {
      add(info, stepNames, false);
    }
    for (MonitoringInfo info : report.getCommittedList()) {
      add(info, stepNames, true);
    }
  }

  private static String urn(MonitoringInfoSpecs.Enum spec) {
    return spec.getValueDescriptor()
        .getOptions()
        .getExtension(MetricsApi.monitoringInfoSpec)
        .getUrn();
  }

  private static String label(MonitoringInfo info, MonitoringInfoLabels label) {
    String name =
        label.getValueDescriptor().getOptions().getExtension(MetricsApi.labelProps).getName();
    return info.getLabelsOrDefault(name, "");
  }

  private void add(MonitoringInfo info, Map<String, String> stepNames, boolean committed) {
    Kind<?> kind = kinds.get(info.getUrn());
    String namespace = label(info, MonitoringInfoLabels.NAMESPACE);
    String name = label(info, MonitoringInfoLabels.NAME);
    if (kind == null || namespace.isEmpty() || name.isEmpty()) {
      return; // a system metric, or of a kind that the SDK has no result for
    }
    String step = label(info, MonitoringInfoLabels.TRANSFORM);
    MetricKey key =
        MetricKey.create(
            step.isEmpty() ? null : stepNames.getOrDefault(step, step),
            MetricName.named(namespace, name));
    try {
      kind.add(key, info.getPayload().newInput(), committed);
    } catch (IOException | RuntimeException e) {
      LOG.warn("metric {} has a malformed value and is left out", key, e);
    }
  }

  @Override
  public MetricQueryResults queryMetrics(MetricsFilter filter) {
    return new Results(
        counters.matching(filter),
        distributions.matching(filter),
        gauges.matching(filter),
        stringSets.matching(filter),
        tries.matching(filter),
        histograms.matching(filter));
  }

  private static DistributionResult distribution(InputStream in) throws IOException {
    long count = VarLongCoder.of().decode(in);
    long sum = VarLongCoder.of().decode(in);
    long min = VarLongCoder.of().decode(in);
    long max = VarLongCoder.of().decode(in);
    return DistributionResult.create(sum, count, min, max);
  }

  private static GaugeResult gauge(InputStream in) throws IOException {
    Instant timestamp = Instant.ofEpochMilli(VarLongCoder.of().decode(in));
    return GaugeResult.create(VarLongCoder.of().decode(in), timestamp);
  }

  private static StringSetResult stringSet(InputStream in) throws IOException {
    Set<String> strings = new HashSet<>();
    STRINGS.decode(in).forEach(strings::add);
    return StringSetResult.create(strings);
  }

  /** Each path of the trie, and at its end whether longer ones were cut off there. */
  private static BoundedTrieResult trie(InputStream in) throws IOException {
    BoundedTrie trie = BoundedTrie.parseFrom(in);
    Set<List<String>> paths = new HashSet<>();
    if (trie.getSingletonCount() > 0) {
      paths.add(path(trie.getSingletonList(), "false"));
    } else if (trie.hasRoot()) {
      collect(trie.getRoot(), List.of(), paths);
    }
    return BoundedTrieResult.create(paths);
  }

  private static void collect(BoundedTrieNode node, List<String> prefix, Set<List<String>> paths) {
    if (node.getTruncated() || node.getChildrenCount() == 0) {
      paths.add(path(prefix, String.valueOf(node.getTruncated())));
      return;
    }
    node.getChildrenMap().forEach((part, child) -> collect(child, path(prefix, part), paths));
  }

  private static List<String> path(List<String> prefix, String part) {
    List<String> path = new ArrayList<>(prefix);
    path.add(part);
    return List.copyOf(path);
  }

  /** What a query found. The SDK's own {@code MetricQueryResults.create} drops histograms. */
  private static final class Results extends MetricQueryResults {
    private final List<MetricResult<Long>> counters;
    private final List<MetricResult<DistributionResult>> distributions;
    private final List<MetricResult<GaugeResult>> gauges;
    private final List<MetricResult<StringSetResult>> stringSets;
    private final List<MetricResult<BoundedTrieResult>> tries;
    private final List<MetricResult<HistogramData>> histograms;

    Results(
        List<MetricResult<Long>> counters,
        List<MetricResult<DistributionResult>> distributions,
        List<MetricResult<GaugeResult>> gauges,
        List<MetricResult<StringSetResult>> stringSets,
        List<MetricResult<BoundedTrieResult>> tries,
        List<MetricResult<HistogramData>> histograms) {
      this.counters = counters;
      this.distributions = distributions;
      this.gauges = gauges;
      this.stringSets = stringSets;
      this.tries = tries;
      this.histograms = histograms;
    }

    @Override
    public Iterable<MetricResult<Long>> getCounters() {
      return counters;
    }

    @Override
    public Iterable<MetricResult<DistributionResult>> getDistributions() {
      return distributions;
    }

    @Override
    public Iterable<MetricResult<GaugeResult>> getGauges() {
      return gauges;
    }

    @Override
    public Iterable<MetricResult<StringSetResult>> getStringSets() {
      return stringSets;
    }

    @Override
    public Iterable<MetricResult<BoundedTrieResult>> getBoundedTries() {
      return tries;
    }

    @Override
    public Iterable<MetricResult<HistogramData>> getHistograms() {
      return histograms;
    }
  }

  private interface Reader<T> {
    T read(InputStream payload) throws IOException;
  }

  /** All metrics of one kind, by key. */
  private static final class Kind<T> {
    private final Reader<T> reader;
    private final Map<MetricKey, Values<T>> values = new LinkedHashMap<>();

    Kind(Reader<T> reader) {
      this.reader = reader;
    }

    void add(MetricKey key, InputStream payload, boolean committed) throws IOException {
      T value = reader.read(payload);
      Values<T> known = values.getOrDefault(key, new Values<>(null, null));
      values.put(
          key,
          committed ? new Values<>(known.attempted, value) : new Values<>(value, known.committed));
    }

    List<MetricResult<T>> matching(MetricsFilter filter) {
      List<MetricResult<T>> matching = new ArrayList<>();
      values.forEach(
          (key, value) -> {
            if (MetricFiltering.matches(filter, key)) {
              matching.add(value.result(key));
            }
          });
      return matching;
    }
  }

  private record Values<T>(@Nullable T attempted, @Nullable T committed) {
    MetricResult<T> result(MetricKey key) {
      if (attempted == null && committed != null) {
        return MetricResult.create(key, committed, committed);
      }
      if (attempted == null) {
        throw new IllegalStateException(key + " has no value");
      }
      return committed == null
          ? MetricResult.attempted(key, attempted)
          : MetricResult.create(key, committed, attempted);
    }
  }
}
